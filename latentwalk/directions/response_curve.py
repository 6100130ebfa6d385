"""The response curve: which latent step gives which effect, as it was measured."""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """A piecewise linear, strictly rising map between effects and latent steps, through (0, 0).

    `coordinates` are effects in the unit's coordinate, `steps` multiples of the walk. Beyond its ends the curve is
    extrapolated linearly, which only matters past the measured range. Raises ValueError for anything else.
    """

    coordinates: tuple[float, ...]
    steps: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.coordinates) != len(self.steps) or len(self.steps) < 2:
            raise ValueError("a curve needs two or more points, each a coordinate and a step")
        if not all(math.isfinite(number) for number in (*self.coordinates, *self.steps)):
            raise ValueError("a curve's numbers must be finite")
        for row in (self.coordinates, self.steps):
            if any(after <= before for before, after in itertools.pairwise(row)):
                raise ValueError("a curve must rise from point to point")
        if self.step(0.0) != 0.0:
            raise ValueError("a curve must pass through zero")

    def step(self, coordinate: float) -> float:
        """The latent step for an effect."""
        return _interpolate(self.coordinates, self.steps, coordinate)

    def coordinate(self, step: float) -> float:
        """The effect of a latent step."""
        return _interpolate(self.steps, self.coordinates, step)

    @classmethod
    def straight(cls, rate: float, reach: float) -> Curve:
        """step = rate * effect, up to `reach` on both sides: the curve before anything is measured."""
        return cls((-reach, 0.0, reach), (-reach * rate, 0.0, reach * rate))


def _interpolate(xs: tuple[float, ...], ys: tuple[float, ...], x: float) -> float:
    right = min(max(bisect.bisect_left(xs, x), 1), len(xs) - 1)
    if xs[right] == x:  # a stored point is returned exactly: zero must stay zero
        return ys[right]
    share = (x - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + share * (ys[right] - ys[right - 1])
