"""The settings of a direction learned from a score: which regressor, how much to sample and how long to optimise."""

from __future__ import annotations

from dataclasses import dataclass

from latentwalk.errors import Invalid
from latentwalk.steering.learning.settings import check_optimisation


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Settings of `scores.learn`; the constructor raises Invalid for values out of range.

    `reach` is the change of score at the end of the track, in score units; None derives it from the spread of scores
    over the generator's own images. `per_class` learns a vector for each class. `samples` images are scored if the
    regressor has no gradient; `warm` are scored if it has one, to fit a warm start (0: start from zero). `hold` names
    directions that the new one is kept orthogonal to. `twin` learns a second direction from the next seed and reports
    the cosine between the two, which doubles the time.
    """

    regressor: str
    per_class: bool = False
    reach: float | None = None
    steps: int = 150
    batch: int = 16
    seed: int = 0
    samples: int = 1536
    warm: int = 640
    twin: bool = False
    hold: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.reach is not None and not 0 < self.reach < 1e9:
            raise Invalid(f"A reach of {self.reach:g} is out of range.", "Use a change of score above zero.")
        check_optimisation(self.steps, self.batch, self.seed, usual_steps=150)
        if self.warm and not 64 <= self.warm <= 100_000:
            raise Invalid(f"{self.warm} images are out of range.", "Use 64 to 100000, or 0 to start from zero.")
        if not 64 <= self.samples <= 100_000:
            raise Invalid(f"{self.samples} images are out of range.", "Use 64 to 100000; 1536 is usual.")
