"""Positional normalisation (Li, Wu, Weinberger, Belongie 2019), which separates structure from content.

Each position is normalised over its channels. Mean and standard deviation are one map each and resemble a drawing of
the image; a later layer can use them.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-5


def positional_norm(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Maps [N, C, H, W] normalised over C at each position, their mean and their deviation [N, 1, H, W] (section 3).

    The variance is the population variance, with `EPSILON` inside the root. ValueError for fewer than two channels,
    which would erase the maps.
    """
    if x.shape[1] < 2:
        raise ValueError(f"positional normalisation needs two channels or more, not {x.shape[1]}")
    deviation, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
    deviation = (deviation + EPSILON).sqrt()
    return (x - mean) / deviation, mean, deviation
