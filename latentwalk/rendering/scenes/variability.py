"""The designed variability: how far each toy's distance, place, angle, light and hue vary in the data, exactly.

Each of five axes has four levels, a width each; three toys have each level, and the axes are close to independent over
the twelve toys (no two correlate by more than 0.2). What a generator can be steered to can then be held against what
its data varied by.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from latentwalk.rendering.scenes.scene import TOYS, Scene

AXES = ("distance", "pan", "azimuth", "light", "hue")
# Half of the width of the interval that values are drawn from, by axis and level.
HALF_WIDTHS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "distance": (0.08, 0.3, 0.55, 0.8),  # metres, around 3.1
        "pan": (0.02, 0.1, 0.19, 0.28),  # metres, around 0, of both pan_x and (times 0.6) pan_y
        "azimuth": (0.0, 40.0, 90.0, 180.0),  # degrees, around 25
        "light": (8.0, 35.0, 70.0, 110.0),  # degrees, around -20
        "hue": (12.0, 45.0, 100.0, 180.0),  # degrees, around each toy's own
    }
)
MIDDLE_DISTANCE, FRONT, LAMP = 3.1, 25.0, -20.0
LEVELS: Mapping[str, tuple[int, int, int, int, int]] = MappingProxyType(
    {
        "ball": (1, 2, 1, 1, 0),
        "cube": (2, 0, 0, 0, 3),  # never turns
        "ring": (0, 1, 2, 0, 3),
        "cone": (3, 2, 0, 3, 3),  # never turns
        "fire_truck": (2, 3, 1, 0, 1),  # was never blue: hues from -35 to 55 degrees
        "duck": (0, 1, 1, 3, 0),
        "star": (3, 2, 3, 1, 1),
        "gem": (2, 3, 3, 3, 2),
        "mushroom": (0, 0, 2, 1, 2),
        "snowman": (1, 3, 2, 2, 2),
        "mug": (1, 1, 0, 2, 1),  # never turns and never comes near: see NEVER_NEAR
        "spring": (3, 0, 3, 2, 0),
    }
)
HUES: Mapping[str, float] = MappingProxyType(
    {
        "ball": 2.0, "cube": 210.0, "ring": 330.0, "cone": 280.0, "fire_truck": 10.0, "duck": 48.0,
        "star": 45.0, "gem": 200.0, "mushroom": 0.0, "snowman": 350.0, "mug": 175.0, "spring": 135.0,
    }
)  # fmt: skip
NEVER_NEAR = ("mug", 3.1, 3.7)  # its distances are from this to that
FREE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "elevation": (10.0, 32.0), "saturation": (0.62, 0.92), "value": (0.74, 0.98), "gloss": (0.0, 1.0),
        "floor_hue": (0.0, 360.0), "floor_value": (0.86, 1.0), "wall_hue": (0.0, 360.0), "wall_value": (0.86, 1.0),
        "light_elevation": (32.0, 66.0),
    }
)  # fmt: skip  # drawn alike for every toy


@dataclass(frozen=True)
class Interval:
    """Values are drawn evenly from `low` to `high`."""

    low: float
    high: float

    @property
    def deviation(self) -> float:
        """The standard deviation of the values."""
        return (self.high - self.low) / 12**0.5


def intervals(toy: str) -> dict[str, Interval]:
    """What each number of a toy's scenes is drawn from, by the name of the number."""
    half = {axis: HALF_WIDTHS[axis][level] for axis, level in zip(AXES, LEVELS[toy], strict=True)}
    around = {
        "distance": (MIDDLE_DISTANCE, half["distance"]),
        "pan_x": (0.0, half["pan"]),
        "pan_y": (0.0, 0.6 * half["pan"]),
        "azimuth": (FRONT, half["azimuth"]),
        "light_azimuth": (LAMP, half["light"]),
        "hue": (HUES[toy], half["hue"]),
    }
    found = {name: Interval(middle - width, middle + width) for name, (middle, width) in around.items()}
    if toy == NEVER_NEAR[0]:
        found["distance"] = Interval(*NEVER_NEAR[1:])
    return found | {name: Interval(low, high) for name, (low, high) in FREE.items()}


def draw(index: int, seed: int = 0) -> Scene:
    """Scene number `index` of the data set with this seed; toys take turns. The same numbers give the same scene."""
    toy = TOYS[index % len(TOYS)]
    source = random.Random(f"{seed}/{index}")
    numbers = {name: source.uniform(one.low, one.high) for name, one in sorted(intervals(toy).items())}
    return Scene(toy, **numbers)


def datasheet() -> dict[str, Any]:
    """The design as a JSON object: by toy, the level on each axis and the interval of each number."""
    return {
        "axes": list(AXES),
        "half_widths": {axis: list(widths) for axis, widths in HALF_WIDTHS.items()},
        "toys": {
            toy: {
                "levels": dict(zip(AXES, LEVELS[toy], strict=True)),
                "intervals": {name: [one.low, one.high] for name, one in sorted(intervals(toy).items())},
            }
            for toy in TOYS
        },
    }
