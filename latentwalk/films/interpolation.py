"""How numbers get from stop to stop: easings, straight lines, splines that do not overshoot, and great circles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentwalk.films.timeline import Easing

Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """A value at `at` seconds, kept for `hold` seconds, and how it leaves."""

    at: float
    value: Vector
    hold: float = 0.0
    easing: Easing = "smooth"


def ease(share: float, easing: Easing) -> float:
    """Where one is after a share in [0, 1] of the way's time; the ends stay."""
    if easing == "smooth":
        return (1 - math.cos(math.pi * share)) / 2
    if easing == "in":
        return share * share
    if easing == "out":
        return share * (2 - share)
    if easing == "hold":
        return float(share >= 1)
    return share


@dataclass(frozen=True, slots=True)
class Place:
    """A moment between two stops: their positions in the list and the eased share of the way, 0 while resting."""

    left: int
    right: int
    share: float


def place(stops: Sequence[Stop], at: float, period: float | None) -> Place:
    """Where `at` lies among stops in order of time; with a period the last leads back to the first."""
    count = len(stops)
    if count == 1 or (period is None and at >= stops[-1].at):
        return Place(count - 1, count - 1, 0.0)
    if period is not None:
        at = stops[0].at + (at - stops[0].at) % period
    elif at <= stops[0].at:
        return Place(0, 0, 0.0)
    left = max(index for index, stop in enumerate(stops) if stop.at <= at)
    right = (left + 1) % count
    end = stops[right].at if right else stops[0].at + (period or 0.0)
    begin = stops[left].at + stops[left].hold
    share = min(max((at - begin) / (end - begin), 0.0), 1.0) if end > begin else 0.0
    return Place(left, right, ease(share, stops[left].easing))


def straight(stops: Sequence[Stop], found: Place) -> Vector:
    """Between two stops in a straight line."""
    first, second = stops[found.left].value, stops[found.right].value
    return tuple(a + found.share * (b - a) for a, b in zip(first, second, strict=True))


def arc(stops: Sequence[Stop], found: Place) -> Vector:
    """Between two stops along the great circle, both first scaled to length one (Shoemake 1985)."""
    first, second = (_unit(stops[index].value) for index in (found.left, found.right))
    angle = math.acos(min(1.0, max(-1.0, math.fsum(a * b for a, b in zip(first, second, strict=True)))))
    if angle < 1e-9:
        return first
    shares = (math.sin((1 - found.share) * angle) / math.sin(angle), math.sin(found.share * angle) / math.sin(angle))
    return tuple(shares[0] * a + shares[1] * b for a, b in zip(first, second, strict=True))


def spline(stops: Sequence[Stop], found: Place, period: float | None, *, tame: bool) -> Vector:
    """Between two stops along a cubic spline through all of them; with a period it closes without a corner.

    `tame` keeps each number between its values at the two stops (Fritsch and Butland 1984), as a slider's amount
    and a weight must be; otherwise the tangents are those of Catmull and Rom (1974), for stops at uneven times, and
    numbers that sum to one at every stop do so everywhere.
    """
    if found.left == found.right:
        return stops[found.left].value
    span = _gap(stops, found.left, period)
    leaving = _tangent(stops, found.left, period, after=True, tame=tame)
    arriving = _tangent(stops, found.right, period, after=False, tame=tame)
    x = found.share
    weights = ((1 + 2 * x) * (1 - x) ** 2, x * (1 - x) ** 2 * span, x * x * (3 - 2 * x), x * x * (x - 1) * span)
    rows = zip(stops[found.left].value, leaving, stops[found.right].value, arriving, strict=True)
    return tuple(math.fsum(w * number for w, number in zip(weights, row, strict=True)) for row in rows)


def _tangent(stops: Sequence[Stop], index: int, period: float | None, *, after: bool, tame: bool) -> Vector:
    # Per second at a stop, as seen from the way that leaves it (`after`) or the one that arrives.
    count = len(stops)
    if stops[index].hold > 0:  # at rest
        return (0.0,) * len(stops[index].value)
    open_end = period is None and index in (0, count - 1)
    if open_end:
        return _slope(stops, index if after else index - 1, period)
    before, behind = (index - 1) % count, index
    rows = zip(_slope(stops, before, period), _slope(stops, behind, period), strict=True)
    spans = _gap(stops, before, period), _gap(stops, behind, period)
    return tuple(_slow(a, b, spans) if tame else _mean(a, b, spans) for a, b in rows)


def _mean(first: float, second: float, spans: tuple[float, float]) -> float:
    # The slope of the parabola through three points, at the middle one.
    return (spans[1] * first + spans[0] * second) / (spans[0] + spans[1])


def _slow(first: float, second: float, spans: tuple[float, float]) -> float:
    # The weighted harmonic mean of two slopes, zero where they disagree.
    if first * second <= 0:
        return 0.0
    weights = 2 * spans[1] + spans[0], spans[1] + 2 * spans[0]
    return (weights[0] + weights[1]) / (weights[0] / first + weights[1] / second)


def _slope(stops: Sequence[Stop], index: int, period: float | None) -> Vector:
    first, second = stops[index].value, stops[(index + 1) % len(stops)].value
    span = _gap(stops, index, period)
    return tuple((b - a) / span for a, b in zip(first, second, strict=True))


def _gap(stops: Sequence[Stop], index: int, period: float | None) -> float:
    # Seconds of the way that leaves a stop.
    right = (index + 1) % len(stops)
    end = stops[right].at if right else stops[0].at + (period or 0.0)
    return max(end - stops[index].at - stops[index].hold, 1e-9)


def _unit(values: Vector) -> Vector:
    length = math.sqrt(math.fsum(value * value for value in values))
    return tuple(value / length for value in values)
