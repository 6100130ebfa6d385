"""An encoder: pictures to the latents w from which a generator would draw them.

Its first layers may be normalised by position (Li et al. 2019); their moments, which that takes out, may be handed to
the head, the only place there is for a shortcut in a network without a decoder of its own.
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
EARLY = 2  # layers normalised by position
HEAD = 256
WIDEST = 192
SLOPE = 0.2


class Encoder(nn.Module):
    """Pictures [N, channels, R, R] in [-1, 1], R a power of two from 8, to w [N, w].

    `moments`: "none" is convolutions with batch normalisation, "positional" puts positional normalisation before it
    in the first two, "shortcut" also gives their means and deviations, averaged to 4x4, to the head. `centre` and
    `scale` [w] are the mean and deviation of the generator's latents; an untrained encoder answers near the centre.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, side: int, w: int, width: int = 32, moments: Moments = "none", channels: int = 3) -> None:
        super().__init__()
        halvings = round(math.log2(side)) - 2
        if side != 4 * 2**halvings or halvings < 1:
            raise ValueError(f"no encoder for a side of {side} px: powers of two from 8")
        if moments not in ("none", "positional", "shortcut"):
            raise ValueError(f"“{moments}” is no way to treat moments: none, positional or shortcut")
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

    def forward(self, pictures: Tensor) -> Tensor:
        x = F.leaky_relu(self.see(pictures.contiguous(memory_format=torch.channels_last)), SLOPE)
        found: list[Tensor] = []
        for number, (fall, normalise) in enumerate(zip(self.falls, self.normalise, strict=True)):
            x = fall(x)
            if self.moments != "none" and number < self.early:
                x, mean, deviation = positional_norm(x)
                found += [mean, deviation]
            x = F.leaky_relu(normalise(x), SLOPE)
        flat = [x.flatten(1)]
        if self.moments == "shortcut":
            flat += [F.adaptive_avg_pool2d(maps, 4).flatten(1) for maps in found]
        hidden = F.leaky_relu(self.hidden(torch.cat(flat, dim=1)), SLOPE)
        w: Tensor = self.centre + self.scale * self.answer(hidden)
        return w
