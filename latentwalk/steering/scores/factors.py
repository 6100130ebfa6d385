"""What else changes along a slider: the re-scoring matrix, and emerging factors with sign and share explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

RESAMPLES = 1000


def round_to(value: float) -> float:
    """Four significant digits, as cards keep figures."""
    return float(f"{value:.4g}")


def interval(values: Tensor) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of values [N]."""
    picks = torch.randint(len(values), (RESAMPLES, len(values)), generator=torch.Generator().manual_seed(0))
    low, high = values[picks].mean(dim=1).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def slopes(reached: Tensor, asked: Sequence[float]) -> Tensor:
    """Least squares slope of each latent [N] of what was reached [A, N] per asked [A]."""
    centred = torch.tensor(asked) - sum(asked) / len(asked)
    return (centred[:, None] * reached).sum(dim=0) / centred.square().sum()


def rescoring(values: Mapping[str, Tensor], asked: Sequence[float], spreads: Mapping[str, float]) -> dict[str, Any]:
    """For each other measure the mean change at the low and the high end, in standard deviations of the generator's
    own pictures (InterFaceGAN's re-scoring analysis, Shen et al. 2020, section 4). `values` are [A, N]."""
    middle = list(asked).index(0.0)
    table = {}
    for name, found in values.items():
        change = (found - found[middle]) / spreads[name]
        table[name] = [round_to(float(change[0].mean())), round_to(float(change[-1].mean()))]
    return table


def leakage(values: Mapping[str, Tensor], asked: Sequence[float], spreads: Mapping[str, float]) -> dict[str, float]:
    """Mean absolute change of each other measure at half range, both sides, in those standard deviations."""
    middle, count = list(asked).index(0.0), len(asked)
    halves = [(middle + 0) // 2, middle + (count - 1 - middle) // 2]
    return {
        name: round_to(float(((found[halves] - found[middle]).abs() / spreads[name]).mean()))
        for name, found in values.items()
    }


def factors(values: Mapping[str, Tensor], asked: Sequence[float], spreads: Mapping[str, float]) -> dict[str, Any]:
    """The emerging factors (GANalyze, section 5.2): for each measure the slope over the whole range in standard
    deviations, its interval over latents, its sign (+, -, or 0 where the interval holds zero), and `r2`, the share
    of its change within latents that the amount explains."""
    span = asked[-1] - asked[0]
    centred = torch.tensor(asked) - sum(asked) / len(asked)
    table = {}
    for name, found in values.items():
        scaled = found / spreads[name]
        each = slopes(scaled, asked) * span
        low, high = interval(each)
        within = scaled - scaled.mean(dim=0)
        explained = float(each.mean() / span) ** 2 * float(centred.square().sum()) * found.shape[1]
        total = float(within.square().sum())
        table[name] = {
            "slope": round_to(float(each.mean())),
            "slope_ci": [round_to(low), round_to(high)],
            "sign": "+" if low > 0 else "-" if high < 0 else "0",
            "r2": round_to(explained / total) if total > 1e-12 else 0.0,
        }
    return table
