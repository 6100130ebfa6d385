"""Intervals of 95 % around shares and around anything computed from judged pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Z = 1.959964
DRAWS = 1000


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The interval of a share, `hits` of `count` (Wilson 1927): inside [0, 1] and sound at 0 and at all."""
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
    """The percentile interval of a figure of the means of columns [K, N], drawn together: differences stay paired.

    `figure` takes means [K, draws] to [draws]. None where no draw gives a finite figure.
    """
    count = columns.shape[1]
    values = []
    for _ in range(draws):
        rows = torch.randint(count, (count,), generator=source)
        values.append(columns[:, rows].double().mean(dim=1))
    found = figure(torch.stack(values, dim=1))
    found = found[found.isfinite()]
    if not len(found):
        return None
    low, high = torch.quantile(found, torch.tensor([0.025, 0.975], dtype=found.dtype)).tolist()
    return low, high
