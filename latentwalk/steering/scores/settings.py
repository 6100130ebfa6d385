"""What to learn from a score, and how long: the settings of one direction."""

from __future__ import annotations

from dataclasses import dataclass

from latentwalk.errors import Invalid


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How a direction is learned from a regressor's score.

    `reach` is the change of score asked for at the end of the track, in score units; None takes it from how far the
    generator's own pictures spread. `per_class` learns a vector for each class. `samples` pictures are scored where
    the judge has no gradient, `warm` where it has one, to start from (0 starts from nothing). `hold` names directions
    the new one is kept off; `twin` learns a second one from the next seed and reports the cosine, which doubles the
    time.
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
            raise Invalid(f"A reach of {self.reach:g} cannot be learned.", "Give a change of score above zero.")
        if not 1 <= self.steps <= 20_000:
            raise Invalid(f"{self.steps} steps cannot be learned.", "Ask for 1 to 20000; 150 is usual.")
        if not 1 <= self.batch <= 256:
            raise Invalid(f"A batch of {self.batch} cannot be used.", "Ask for 1 to 256; 16 is usual.")
        if not 0 <= self.seed < 2**32:
            raise Invalid(f"{self.seed} is not a seed.", "Seeds run from 0 to 4294967295.")
        if self.warm and not 64 <= self.warm <= 100_000:
            raise Invalid(
                f"{self.warm} pictures cannot be sampled.", "Ask for 64 to 100000, or 0 to start from nothing."
            )
        if not 64 <= self.samples <= 100_000:
            raise Invalid(f"{self.samples} pictures cannot be sampled.", "Ask for 64 to 100000; 1536 is usual.")
