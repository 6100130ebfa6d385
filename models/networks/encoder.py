"""An encoder network: images to the latents w from which a generator reproduces them.

Its first layers may use positional normalisation (Li et al. 2019). The moments that it removes may be passed to the
head, the only place for a shortcut in a network without a decoder.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.positional_norm import positional_norm

Moments = Literal["none", "positional", "shortcut"]
EARLY = 2  # layers with positional normalisation
HEAD = 256
WIDEST = 192
SLOPE = 0.2


class Encoder(nn.Module):
    """Images [N, channels, R, R] in [-1, 1], R a power of two from 8, to w [N, w].

    `moments` "none" means convolutions with batch normalisation; "positional" adds positional normalisation before it
    in the first two layers; "shortcut" also passes their means and deviations, averaged to 4x4, to the head. `centre`
    and `scale` [w] are the mean and standard deviation of the generator's latents; an untrained encoder returns values
    near the centre.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, side: int, w: int, width: int = 32, moments: Moments = "none", channels: int = 3) -> None:
        super().__init__()
        halvings = round(math.log2(side)) - 2
        if side != 4 * 2**halvings or halvings < 1:
            raise ValueError(f"an encoder needs a side that is a power of two from 8, not {side} px")
        if moments not in ("none", "positional", "shortcut"):
            raise ValueError(f"moments are none, positional or shortcut, not “{moments}”")
        widths = [width, *(min(width * 2 ** (number + 1), WIDEST) for number in range(halvings))]
        self.see = nn.Conv2d(channels, width, 3, padding=1)
        self.falls = nn.ModuleList(nn.Conv2d(a, b, 4, 2, padding=1, bias=False) for a, b in itertools.pairwise(widths))
        self.normalise = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[1:])
        early = min(EARLY, halvings)
        extra = 2 * 16 * early if moments == "shortcut" else 0
        self.hidden = nn.Linear(widths[-1] * 16 + extra, HEAD)
        self.answer = nn.Linear(HEAD, w)
        self.register_buffer("centre", torch.zeros(w))
        self.register_buffer("scale", torch.ones(w))
        self.side, self.w, self.width, self.moments, self.channels, self.early = (
            side,
            w,
            width,
            moments,
            channels,
            early,
        )

    def forward(self, images: Tensor) -> Tensor:
        x = F.leaky_relu(self.see(images.contiguous(memory_format=torch.channels_last)), SLOPE)
        removed: list[Tensor] = []
        for number, (fall, normalise) in enumerate(zip(self.falls, self.normalise, strict=True)):
            x = fall(x)
            if self.moments != "none" and number < self.early:
                x, mean, deviation = positional_norm(x)
                removed += [mean, deviation]
            x = F.leaky_relu(normalise(x), SLOPE)
        features = [x.flatten(1)]
        if self.moments == "shortcut":
            features += [F.adaptive_avg_pool2d(maps, 4).flatten(1) for maps in removed]
        hidden = F.leaky_relu(self.hidden(torch.cat(features, dim=1)), SLOPE)
        w: Tensor = self.centre + self.scale * self.answer(hidden)
        return w
