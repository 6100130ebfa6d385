"""The figures that every report card has, and how they are computed: slopes, bootstrap intervals and rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from models.base import Generator

RESAMPLES = 1000


def round_figure(value: float) -> float:
    """A figure as cards store it: four significant digits."""
    return float(f"{value:.4g}")


def bootstrap_interval(values: Tensor) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of values [N]."""
    rows = torch.randint(len(values), (RESAMPLES, len(values)), generator=torch.Generator().manual_seed(0))
    low, high = values[rows].mean(dim=1).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def rounded_interval(values: Tensor) -> list[float]:
    """`bootstrap_interval` as cards store it: [low, high]."""
    return [round_figure(end) for end in bootstrap_interval(values)]


def slopes(reached: Tensor, requested: Sequence[float]) -> Tensor:
    """The least squares slope of each latent [N] of the change reached [A, N] over the change requested [A].

    Their mean is the slope of all latents together, because all share `requested`.
    """
    centred = torch.tensor(requested) - sum(requested) / len(requested)
    return (centred[:, None] * reached).sum(dim=0) / centred.square().sum()


def raw_slope(direction: Direction) -> float | None:
    """The change reached over the change requested before calibration, within the requested span, as papers report it.

    None if the direction has no record of its uncalibrated response.
    """
    limit = max(abs(direction.unit.coordinate(end)) for end in direction.requested_range)
    pairs = [[direction.unit.coordinate(number) for number in pair] for pair in direction.settings.get("raw") or []]
    within = [(requested, reached) for requested, reached in pairs if abs(requested) <= limit * 1.001]
    square = sum(requested * requested for requested, _ in within)
    return round_figure(sum(requested * reached for requested, reached in within) / square) if square else None


def reached_points(
    requested: Sequence[float], reached: Tensor, amount: Callable[[float], float] = lambda coordinate: coordinate
) -> list[list[float]]:
    """Rows of [asked, mean reached, low, high] with a bootstrap interval; `amount` converts each to the unit."""
    return [
        [round_figure(amount(number)) for number in (point, float(row.mean()), *bootstrap_interval(row))]
        for point, row in zip(requested, reached, strict=True)
    ]


def common_figures(
    generator: Generator, direction: Direction, requested: Sequence[float], reached: Tensor, seconds: float
) -> dict[str, Any]:
    """The part of a report card that does not depend on what the direction was learned from; JSON.

    `requested` [A] and `reached` [A, N] are in the unit's coordinate; `seconds` is how long measuring took.
    """
    each = slopes(reached, requested)
    settings = direction.settings
    return {
        "generator": direction.generator,
        "direction": direction.id,
        "method": direction.method,
        "kind": direction.walk.kind,
        "unit": direction.unit.symbol,
        "n": reached.shape[1],
        "slope": round_figure(float(each.mean())),
        "slope_ci": rounded_interval(each),
        "monotone": round_figure(float((reached.diff(dim=0) > 0).all(dim=0).float().mean())),
        "range": list(direction.range),
        "asked_range": list(direction.requested_range),
        "stopped_by": settings.get("stopped_by"),
        "reached": reached_points(requested, reached, direction.unit.amount),
        "raw": settings.get("raw"),
        "raw_slope": raw_slope(direction),
        "seeds_cosine": settings.get("seeds_cosine"),
        "seconds": settings.get("seconds"),
        "measured_in_seconds": round(seconds, 1),
        "device": str(generator.device),
        "precision": generator.precision,
    }
