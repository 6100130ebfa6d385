"""A scene of the engine: which toy, from where it is seen, how it is lit, and its colours, all as numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

TOYS = (
    "ball", "cube", "ring", "cone", "fire_truck", "duck", "star", "gem", "mushroom", "snowman", "mug", "spring",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """One toy on a floor before a wall, under one lamp. Lengths are in metres; a toy is about one metre tall.

    The lamp is carried along with the camera: its azimuth is 0 above the camera and positive to the right. Floor and
    wall have no direction, so that an orbit by some angle looks like a turn of the toy by the opposite one.
    """

    toy: str
    azimuth: float = 30.0  # degrees; where the camera stands on its orbit, 0 before the toy's face
    elevation: float = 18.0  # degrees above the floor
    distance: float = 3.2  # metres from the camera to the toy's middle
    pan_x: float = 0.0  # metres by which the toy appears right of the frame's middle
    pan_y: float = 0.0  # metres by which it appears above it
    turn: float = 0.0  # degrees by which the toy is turned on its own axis
    hue: float = 0.0  # degrees: 0 red, 120 green, 240 blue
    saturation: float = 0.8  # 0 to 1
    value: float = 0.85  # 0 to 1
    floor_hue: float = 40.0  # degrees
    floor_value: float = 0.85  # 0 to 1
    wall_hue: float = 200.0  # degrees
    wall_value: float = 0.85  # 0 to 1
    light_azimuth: float = -40.0  # degrees, as said above
    light_elevation: float = 50.0  # degrees above the floor
    gloss: float = 0.5  # 0 matt to 1 polished

    def __post_init__(self) -> None:
        if self.toy not in TOYS:
            raise ValueError(f"there is no toy “{self.toy}”; there are {', '.join(TOYS)}")

    def parameters(self) -> dict[str, Any]:
        """The scene as a JSON object."""
        return asdict(self)


NUMBERS = tuple(field.name for field in fields(Scene) if field.name != "toy")
