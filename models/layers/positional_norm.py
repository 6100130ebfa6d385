"""Positional normalisation and the moment shortcut (Li, Wu, Weinberger, Belongie 2019): structure kept per position.

Each position is normalised over its channels. Mean and standard deviation are one map each and resemble a drawing of
the image; a decoder can restore them, directly (the shortcut) or through a small network (the dynamic one).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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


def moment_shortcut(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """The moment shortcut: maps with the moments of an earlier layer, x * deviation + mean (section 3)."""
    return torch.addcmul(mean, x, deviation)


class DynamicShortcut(nn.Module):
    """The dynamic moment shortcut: a small network turns the two moment maps into a scale and a shift per channel.

    Both may have either sign. The network is initialised as the plain shortcut.
    """

    def __init__(self, channels: int, hidden: int = 16) -> None:
        super().__init__()
        self.read = nn.Conv2d(2, hidden, 3, padding=1)
        self.write = nn.Conv2d(hidden, 2 * channels, 3, padding=1)
        nn.init.zeros_(self.write.weight)
        if self.write.bias is not None:
            nn.init.zeros_(self.write.bias)

    def forward(self, x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Maps [N, C, H, W] and moments [N, 1, h, w], which are resized to the maps' side if it differs."""
        moments = torch.cat([mean, deviation], dim=1)
        if moments.shape[-2:] != x.shape[-2:]:
            moments = F.interpolate(moments, x.shape[-2:], mode="bilinear", align_corners=False)
        shift, scale = self.write(F.leaky_relu(self.read(moments), 0.2)).chunk(2, dim=1)
        return moment_shortcut(x, moments[:, :1] + shift, moments[:, 1:] + scale)
