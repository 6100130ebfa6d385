"""Interpolation between keyframes: easings, straight lines, splines, monotone splines, and great circles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentwalk.films.timeline import Easing

Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """A value at `at` seconds, held for `hold` seconds, and the easing with which it leaves."""

    at: float
    value: Vector
    hold: float = 0.0
    easing: Easing = "smooth"


def ease(share: float, easing: Easing) -> float:
    """The eased share for a share of the time between two stops; both in [0, 1], and 0 and 1 are fixed."""
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
class Position:
    """A time between two stops: their indices and the eased share of the way, 0 during a hold."""

    left: int
    right: int
    share: float


def locate(stops: Sequence[Stop], at: float, period: float | None) -> Position:
    """The position of the time `at` among stops in order; with a period, the last stop leads back to the first."""
    count = len(stops)
    if count == 1 or (period is None and at >= stops[-1].at):
        return Position(count - 1, count - 1, 0.0)
    if period is not None:
        at = stops[0].at + (at - stops[0].at) % period
    elif at <= stops[0].at:
        return Position(0, 0, 0.0)
    left = max(index for index, stop in enumerate(stops) if stop.at <= at)
    right = (left + 1) % count
    end = stops[right].at if right else stops[0].at + (period or 0.0)
    begin = stops[left].at + stops[left].hold
    share = min(max((at - begin) / (end - begin), 0.0), 1.0) if end > begin else 0.0
    return Position(left, right, ease(share, stops[left].easing))


def linear(stops: Sequence[Stop], position: Position) -> Vector:
    """Linear interpolation between two stops."""
    first, second = stops[position.left].value, stops[position.right].value
    return tuple(a + position.share * (b - a) for a, b in zip(first, second, strict=True))


def great_circle(stops: Sequence[Stop], position: Position) -> Vector:
    """Spherical interpolation between two stops, both first scaled to length one (Shoemake 1985)."""
    first, second = (_unit(stops[index].value) for index in (position.left, position.right))
    angle = math.acos(min(1.0, max(-1.0, math.fsum(a * b for a, b in zip(first, second, strict=True)))))
    if angle < 1e-9:
        return first
    shares = (
        math.sin((1 - position.share) * angle) / math.sin(angle),
        math.sin(position.share * angle) / math.sin(angle),
    )
    return tuple(shares[0] * a + shares[1] * b for a, b in zip(first, second, strict=True))


def spline(stops: Sequence[Stop], position: Position, period: float | None, *, monotone: bool) -> Vector:
    """Cubic interpolation between two stops on a spline through all of them; with a period it closes smoothly.

    `monotone` keeps each number between its values at the two stops (Fritsch and Butland 1984), as an amount or a
    weight must be. Otherwise the tangents are those of Catmull and Rom (1974), for stops at uneven times, and numbers
    that sum to one at every stop sum to one everywhere.
    """
    if position.left == position.right:
        return stops[position.left].value
    span = _gap(stops, position.left, period)
    leaving = _tangent(stops, position.left, period, after=True, monotone=monotone)
    arriving = _tangent(stops, position.right, period, after=False, monotone=monotone)
    x = position.share
    weights = ((1 + 2 * x) * (1 - x) ** 2, x * (1 - x) ** 2 * span, x * x * (3 - 2 * x), x * x * (x - 1) * span)
    rows = zip(stops[position.left].value, leaving, stops[position.right].value, arriving, strict=True)
    return tuple(math.fsum(w * number for w, number in zip(weights, row, strict=True)) for row in rows)


def _tangent(stops: Sequence[Stop], index: int, period: float | None, *, after: bool, monotone: bool) -> Vector:
    # The slope per second at a stop, of the segment that leaves it (`after`) or of the one that arrives.
    count = len(stops)
    if stops[index].hold > 0:  # the value does not move while it is held
        return (0.0,) * len(stops[index].value)
    open_end = period is None and index in (0, count - 1)
    if open_end:
        return _slope(stops, index if after else index - 1, period)
    before, behind = (index - 1) % count, index
    rows = zip(_slope(stops, before, period), _slope(stops, behind, period), strict=True)
    spans = _gap(stops, before, period), _gap(stops, behind, period)
    return tuple(_harmonic_mean(a, b, spans) if monotone else _parabola(a, b, spans) for a, b in rows)


def _parabola(first: float, second: float, spans: tuple[float, float]) -> float:
    # The slope of the parabola through three points, at the middle one.
    return (spans[1] * first + spans[0] * second) / (spans[0] + spans[1])


def _harmonic_mean(first: float, second: float, spans: tuple[float, float]) -> float:
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
    # Seconds of the segment that leaves a stop.
    right = (index + 1) % len(stops)
    end = stops[right].at if right else stops[0].at + (period or 0.0)
    return max(end - stops[index].at - stops[index].hold, 1e-9)


def _unit(values: Vector) -> Vector:
    length = math.sqrt(math.fsum(value * value for value in values))
    return tuple(value / length for value in values)
