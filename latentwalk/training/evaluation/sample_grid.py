"""A grid of samples from fixed latents, so that grids from different moments of a run can be compared."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.networks.stylegan2 import StyleGAN2Network

COLUMNS = 8
MOST_ROWS = 12
SMALLEST = 64  # pixels of an image in the grid, at least


def sample_grid(network: StyleGAN2Network, side: int, columns: int = COLUMNS, truncation: float = 1.0) -> Tensor:
    """A grid uint8 [H, W, 3] with a row of `columns` samples for each class, or `COLUMNS` rows without classes."""
    config = network.config
    rows = min(config.classes or COLUMNS, MOST_ROWS)
    device = network.synthesis.start.device
    z = torch.randn(rows * columns, config.z, generator=torch.Generator().manual_seed(0)).to(device)
    classes = torch.eye(config.classes, device=device)[:rows].repeat_interleave(columns, 0) if config.classes else None
    with torch.no_grad():
        w = network.mapping(z, classes)
        mean = network.mapping.get_buffer("mean")
        w = torch.lerp(mean.expand_as(w) if classes is None else classes @ mean, w, truncation)
        # During training, only the blocks up to the stage's side are run.
        images = network.synthesis(w[:, None].expand(-1, config.layers, -1), int(math.log2(side)) - 1)
    images = images.expand(-1, 3, -1, -1)
    scale = max(1, SMALLEST // side)
    images = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
    grid: Tensor = pixels.unflatten(0, (rows, columns)).permute(0, 3, 1, 4, 2)
    return grid.reshape(rows * side * scale, columns * side * scale, 3).contiguous()
