"""Confidence intervals of 95 %: Wilson's for shares, the bootstrap for functions of means."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Z = 1.959964
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` out of `count`, with its Wilson interval."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share in [0, 1]; NaN if nothing was counted."""
        return self.hits / self.count if self.count else float("nan")

    def to_json(self) -> dict[str, object]:
        """share, low, high and count; the share is None if nothing was counted."""
        low, high = wilson(self.hits, self.count)
        share = round(self.value, 5) if self.count else None
        return {"share": share, "low": round(low, 5), "high": round(high, 5), "count": self.count}


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The interval of the share `hits` out of `count` (Wilson 1927): within [0, 1], and valid at 0 and at 1."""
    if count < 1:
        return 0.0, 1.0
    share = hits / count
    scale = 1 + Z * Z / count
    middle = (share + Z * Z / (2 * count)) / scale
    half = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count)) / scale
    return max(middle - half, 0.0), min(middle + half, 1.0)


def bootstrap(
    columns: Tensor, figure: Callable[[Tensor], Tensor], source: torch.Generator, draws: int = DRAWS
) -> tuple[float, float] | None:
    """The percentile interval of a figure of the means of columns [K, N], resampled jointly so that they stay paired.

    `figure` maps means [K, draws] to [draws]. None if no draw gives a finite figure.
    """
    count = columns.shape[1]
    means = []
    for _ in range(draws):
        rows = torch.randint(count, (count,), generator=source)
        means.append(columns[:, rows].double().mean(dim=1))
    figures = figure(torch.stack(means, dim=1))
    figures = figures[figures.isfinite()]
    if not len(figures):
        return None
    low, high = torch.quantile(figures, torch.tensor([0.025, 0.975], dtype=figures.dtype)).tolist()
    return low, high
