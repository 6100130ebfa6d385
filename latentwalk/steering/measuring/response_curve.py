"""Tracing the response to a walk outwards from zero until a limit ends it, and the calibration that results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import ModelFailed
from latentwalk.progress import Work, scale_progress

SATURATED = 0.2  # of the first slope: below it, a longer step no longer changes anything
DIVERSE = 0.8  # of the reference diversity: below it, images of different seeds look alike
PAST = 1.4  # the track extends beyond the range by this factor
STRONG, PARTIAL = 0.6, 0.2  # shares of the requested span at which a slider's verdict is "strong" or "partial"


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibrated slider: curve, usable range, track, verdict and a note for people.

    `raw` is the uncalibrated response, rows of [requested, reached] in the unit, where requested is what the step stood
    for in training. `stopped_by` names what ended each side: asked (all that was requested is reached), saturation,
    diversity, drift, shell or walk (the largest step that was tried).
    """

    curve: Curve
    range: tuple[float, float]
    track: tuple[float, float]
    verdict: str
    note: str
    stopped_by: tuple[str, str]
    raw: list[list[float]]


@dataclass(frozen=True, slots=True)
class StepResponse:
    """The measured effect of one step: the signed mean change, and the limit it exceeds ("diversity", "drift")."""

    change: float
    exceeds: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseSide:
    """One side of a response, outwards from zero: usable points (change, step), raw points (asked, reached) and the
    limit that ended it. `points` is empty if no step had an effect in the right direction."""

    points: list[tuple[float, float]]
    raw: list[tuple[float, float]]
    stopped_by: str


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The steps to measure on both sides, and how to measure them.

    `full` is the step that stands for the change `limit`; `shares` of it are tried, ascending. `measure` returns the
    response to a step; `is_outside` tells whether a step leaves the region of the latent space that the generator was
    trained on. With `halve_back`, a step that exceeds a limit is retried once halfway back to the last good one.
    """

    full: float
    limit: float
    shares: tuple[float, ...]
    measure: Callable[[float], Work[StepResponse]]
    is_outside: Callable[[float], bool]
    halve_back: bool = False


def trace_side(sweep: Sweep, sign: int) -> Work[ResponseSide]:
    """Measure ever longer steps to one side until all that was requested is reached or a limit ends it."""
    points: list[tuple[float, float]] = []
    raw: list[tuple[float, float]] = []
    reached, last_share, first_slope = 0.0, 0.0, 0.0
    for index, next_share in enumerate(sweep.shares):
        share = next_share
        if sweep.is_outside(sign * sweep.full * share):
            return ResponseSide(points, raw, "shell")
        low, high = index / len(sweep.shares), (index + 1) / len(sweep.shares)
        response = yield from scale_progress(sweep.measure(sign * sweep.full * share), low, high)
        limited_by = response.exceeds
        if limited_by is not None and sweep.halve_back:
            share = (share + last_share) / 2
            response = yield from scale_progress(sweep.measure(sign * sweep.full * share), high, high)
        raw.append((sign * share * sweep.limit, response.change))
        slope = (sign * response.change - reached) / (share - last_share)
        first_slope = first_slope or slope
        if first_slope <= 0 or slope < SATURATED * first_slope:
            return ResponseSide(points, raw, "saturation")
        if response.exceeds is not None:
            return ResponseSide(points, raw, response.exceeds)
        points.append((response.change, sign * sweep.full * share))
        reached, last_share = sign * response.change, share
        if reached >= sweep.limit:
            return ResponseSide(points, raw, "asked")
        if limited_by is not None:
            return ResponseSide(points, raw, limited_by)
    return ResponseSide(points, raw, "walk")


def trace_both_sides(sweep: Sweep, no_effect: ModelFailed) -> Work[tuple[ResponseSide, ResponseSide]]:
    """Measure the negative, then the positive side; raises `no_effect` if no step of one has any."""
    sides = []
    for index, sign in enumerate((-1, 1)):
        side = yield from scale_progress(trace_side(sweep, sign), 0.5 * index, 0.5 + 0.5 * index)
        if not side.points:
            raise no_effect
        sides.append(side)
    return sides[0], sides[1]


def calibration_of(
    low: ResponseSide, high: ResponseSide, limit: float, unit: Unit,
    note: Callable[[tuple[float, float], tuple[str, str]], str], raw_amount: Callable[[float], float],
) -> Calibration:  # fmt: skip
    """The calibration that follows from both sides, neither of them empty.

    `limit` is the change requested in the unit's coordinate; `note` writes the note from the range and what
    stopped each side; `raw_amount` converts coordinates of the raw response.
    """
    points = [*reversed(low.points), (0.0, 0.0), *high.points]
    ends = (max(points[0][0], -limit), min(points[-1][0], limit))
    share = (ends[1] - ends[0]) / (2 * limit)
    range_ = (_rounded(unit, ends[0]), _rounded(unit, ends[1]))
    stopped_by = (low.stopped_by, high.stopped_by)
    return Calibration(
        curve=Curve(tuple(point[0] for point in points), tuple(point[1] for point in points)),
        range=range_,
        track=(_rounded(unit, ends[0] * PAST), _rounded(unit, ends[1] * PAST)),
        verdict="strong" if share >= STRONG else "partial" if share >= PARTIAL else "weak",
        note=note(range_, stopped_by),
        stopped_by=stopped_by,
        raw=[[raw_amount(a), raw_amount(r)] for a, r in [*reversed(low.raw), (0.0, 0.0), *high.raw]],
    )


def _rounded(unit: Unit, coordinate: float) -> float:
    return round(unit.amount(coordinate), unit.decimals + 2)
