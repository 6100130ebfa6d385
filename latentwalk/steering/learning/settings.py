"""The settings of a direction that imitates a transform: what to learn and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latentwalk.directions.latent_walk import Kind
from latentwalk.errors import Invalid
from latentwalk.steering.transforms import Transform
from models.base import Generator

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class LearnSettings:
    """Settings of `learn`; the constructor raises Invalid for values out of range.

    A "path" walk starts from a line that is fitted first, in half as many steps. `warm_start` is "zero" or
    "closed_form". `twin` learns a second walk from the next seed and reports the cosine between the two, which
    doubles the time. `layers` are the generator layers that the walk acts on, [first, stop): "all", or "auto" for the
    earlier half of a style-based generator's layers for geometry and the later half for colour.
    """

    transform: str
    walk: Kind = "linear"
    steps: int = 400
    batch: int = 16
    seed: int = 0
    warm_start: str = "zero"
    twin: bool = False
    layers: Literal["all", "auto"] | tuple[int, int] = "all"

    def __post_init__(self) -> None:
        if self.walk not in ("linear", "path"):
            raise Invalid(f"“{self.walk}” is not a kind of walk.", "Choose linear or path.")
        if self.warm_start not in ("zero", "closed_form"):
            raise Invalid(f"“{self.warm_start}” is not a warm start.", "Choose zero or closed_form.")
        check_optimisation(self.steps, self.batch, self.seed, usual_steps=400)


def check_optimisation(steps: int, batch: int, seed: int, usual_steps: int) -> None:
    """Raise Invalid if a number of steps, a batch size or a seed is out of range."""
    if not 1 <= steps <= 20_000:
        raise Invalid(f"{steps} steps are out of range.", f"Use 1 to 20000; {usual_steps} is usual.")
    if not 1 <= batch <= 256:
        raise Invalid(f"A batch of {batch} is out of range.", "Use 1 to 256; 16 is usual.")
    if not 0 <= seed <= LARGEST_SEED:
        raise Invalid(f"{seed} is not a valid seed.", f"Use a seed from 0 to {LARGEST_SEED}.")


def layers_of(generator: Generator, transform: Transform, settings: LearnSettings) -> tuple[int, int] | None:
    """The layers [first, stop) that a walk acts on; None means all of them.

    Early layers of a style-based generator hold pose and shape, late ones colour (Karras et al. 2019, section 3.1).
    Raises Invalid for a range that the generator does not have.
    """
    count = generator.spec.layers
    if isinstance(settings.layers, tuple):
        first, stop = settings.layers
        if not 0 <= first < stop <= count:
            raise Invalid(
                f"A walk cannot act on layers {first} to {stop}: {generator.spec.name} has {count}.",
                f"Use a range inside 0 to {count}.",
            )
        return settings.layers if stop - first < count else None
    halves = {"geometry": (0, -(-count // 2)), "colour": (count // 2, count)}
    return halves.get(transform.group) if settings.layers == "auto" and count > 1 else None
