"""What else changes along a slider: the re-scoring table, leakage, and emerging factors with sign and R²."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from latentwalk.steering.measuring.figures import bootstrap_interval, round_figure, slopes


def rescoring(values: Mapping[str, Tensor], requested: Sequence[float], spreads: Mapping[str, float]) -> dict[str, Any]:
    """For each other regressor, its mean change at the low and the high end of the range.

    The unit is the standard deviation over the generator's own images (InterFaceGAN's re-scoring analysis, Shen et al.
    2020, section 4). `values` are scores [A, N] at the amounts `requested` [A], which contain zero.
    """
    middle = list(requested).index(0.0)
    table = {}
    for name, scores in values.items():
        change = (scores - scores[middle]) / spreads[name]
        table[name] = [round_figure(float(change[0].mean())), round_figure(float(change[-1].mean()))]
    return table


def leakage(values: Mapping[str, Tensor], requested: Sequence[float], spreads: Mapping[str, float]) -> dict[str, float]:
    """The mean absolute change of each other regressor at half range, over both sides, in the unit of `rescoring`."""
    middle, count = list(requested).index(0.0), len(requested)
    halves = [middle // 2, middle + (count - 1 - middle) // 2]
    return {
        name: round_figure(float(((scores[halves] - scores[middle]).abs() / spreads[name]).mean()))
        for name, scores in values.items()
    }


def factors(values: Mapping[str, Tensor], requested: Sequence[float], spreads: Mapping[str, float]) -> dict[str, Any]:
    """The emerging factors (GANalyze, section 5.2), for each other regressor.

    `slope` is taken over the whole range in the unit of `rescoring`, with its interval over latents; `sign` is +, -,
    or 0 if the interval contains zero; `r2` is the share of the change within latents that the amount explains.
    """
    span = requested[-1] - requested[0]
    centred = torch.tensor(requested) - sum(requested) / len(requested)
    table = {}
    for name, scores in values.items():
        scaled = scores / spreads[name]
        each = slopes(scaled, requested) * span
        low, high = bootstrap_interval(each)
        within = scaled - scaled.mean(dim=0)
        explained = float(each.mean() / span) ** 2 * float(centred.square().sum()) * scores.shape[1]
        total = float(within.square().sum())
        table[name] = {
            "slope": round_figure(float(each.mean())),
            "slope_ci": [round_figure(low), round_figure(high)],
            "sign": "+" if low > 0 else "-" if high < 0 else "0",
            "r2": round_figure(explained / total) if total > 1e-12 else 0.0,
        }
    return table
