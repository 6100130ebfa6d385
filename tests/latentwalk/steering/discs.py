"""A generator whose latent space is known exactly, a soft disc, so that the right walk is known, too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.base import FirstLayer, Precision
from models.specs import Card, GeneratorSpec

SIDE = 32
WIDTH = 6
PIXELS = 2.0  # the disc moves by this many pixels for one unit of z[0] (right) and z[1] (up)
CARD = Card("Discs.", "here", "MIT", "none", "none", "everything but discs", 2026)


class Discs:
    """z = (right, up, size, red, green, blue): a coloured disc on grey, 32 px, differentiable."""

    precision: Precision = "fp32"
    device = torch.device("cpu")
    differentiable = True

    def __init__(self, fingerprint: str = "sha256:" + "d" * 64) -> None:
        self.spec = GeneratorSpec("discs", "Discs", "discs", SIDE, 3, {"z": (WIDTH,)}, 1, (), {}, fingerprint, CARD)

    def sample(self, seeds: Sequence[int]) -> Tensor:
        return torch.stack([torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed)) for seed in seeds])

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        return z * truncation

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        along = torch.arange(SIDE, dtype=torch.float32) - (SIDE - 1) / 2
        right = along[None, None, :] - PIXELS * latent[:, 0, None, None]
        down = along[None, :, None] + PIXELS * latent[:, 1, None, None]
        radius = 6 * torch.exp(0.15 * latent[:, 2, None, None])
        disc = torch.sigmoid(1.5 * (radius - (right.square() + down.square() + 1e-6).sqrt()))
        colour = torch.tanh(0.3 * latent[:, 3:6])[:, :, None, None] * 0.6
        return disc[:, None] * (colour + 0.5) - 0.3

    def at(self, precision: Precision) -> Discs:
        return self

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        return None

    def input_weights(self) -> Tensor:
        return torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.5, 0.4, 0.3]))


def centre(images: Tensor) -> Tensor:
    """The disc's centre in pixels, (right, up), for each picture: [N, 2]."""
    weights = (images.sum(dim=1) + 0.9).clamp_min(0)
    along = torch.arange(SIDE, dtype=torch.float32) - (SIDE - 1) / 2
    total = weights.sum(dim=(1, 2))
    right = (weights * along[None, None, :]).sum(dim=(1, 2)) / total
    up = -(weights * along[None, :, None]).sum(dim=(1, 2)) / total
    return torch.stack([right, up], dim=1)
