"""How reliable figures from few images are: correlations with their intervals, and folds for cross-validation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SIGMA_95 = 1.96
FOLDS = 5


def fisher_interval(correlation: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a correlation over n images, by Fisher's transform; (-1, 1) for fewer than four."""
    if n < 4:
        return -1.0, 1.0
    middle = math.atanh(min(max(correlation, -0.999999), 0.999999))
    width = SIGMA_95 / math.sqrt(n - 3)
    return math.tanh(middle - width), math.tanh(middle + width)


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson's r of two vectors [N]; 0 if one of them is constant."""
    if float(first.std()) < 1e-12 or float(second.std()) < 1e-12:
        return 0.0
    return float(torch.corrcoef(torch.stack([first.double(), second.double()]))[0, 1])


def assign_folds(count: int, seed: int = 0) -> Tensor:
    """The cross-validation fold [count] of each example, `FOLDS` folds of nearly equal size in random order."""
    return (torch.arange(count) % FOLDS)[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]
