"""Synthetic images of three classes with equal means: wavy bars of three orientations, any phase and colour."""

from __future__ import annotations

import math

import torch

NAMES = ("lying", "standing", "slanted")
SIDE = 16


def bars(count: int, kind: int, seed: int) -> torch.Tensor:
    """The real images, as a Sampler."""
    source = torch.Generator().manual_seed(seed)
    draw = torch.rand(count, 6, generator=source)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    along = (y, x, (x + y) / math.sqrt(2))[kind].float()
    angle = along[None] * (0.6 + 0.8 * draw[:, 0, None, None]) + 2 * math.pi * draw[:, 1, None, None]
    colour = 0.3 + 0.7 * draw[:, 2:5]
    noise = torch.randn(count, 3, SIDE, SIDE, generator=source) * 0.15
    return (angle.sin()[:, None] * colour[:, :, None, None] + noise).clamp(-1, 1)


def grey(count: int, kind: int, seed: int) -> torch.Tensor:
    """A generator with one image per class, the class mean."""
    return bars(2000, kind, 1).mean(dim=0, keepdim=True).expand(count, -1, -1, -1)


def faded(count: int, kind: int, seed: int) -> torch.Tensor:
    """A generator with too little contrast."""
    return bars(count, kind, seed) * 0.4
