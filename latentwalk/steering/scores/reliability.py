"""How far figures from few pictures can be trusted: correlations with their intervals, and ranks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SIGMA_95 = 1.96


def fisher(correlation: float, n: int) -> tuple[float, float]:
    """95 % interval of a correlation over n pictures, by Fisher's transform; -1 to 1 for fewer than four."""
    if n < 4:
        return -1.0, 1.0
    middle = math.atanh(min(max(correlation, -0.999999), 0.999999))
    width = SIGMA_95 / math.sqrt(n - 3)
    return math.tanh(middle - width), math.tanh(middle + width)


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson's r of two rows [N]; 0 where one of them does not vary."""
    if float(first.std()) < 1e-12 or float(second.std()) < 1e-12:
        return 0.0
    return float(torch.corrcoef(torch.stack([first.double(), second.double()]))[0, 1])
