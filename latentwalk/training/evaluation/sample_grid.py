"""A sheet of samples: the same latents at every moment of a run, so that one sees what it learns."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.networks.stylegan2 import StyleGAN2Network

ACROSS = 8
MOST_ROWS = 12
SMALLEST = 64  # pixels a picture takes on the sheet


def sample_grid(network: StyleGAN2Network, side: int, across: int = ACROSS, truncation: float = 1.0) -> Tensor:
    """uint8 [H, W, 3]: a row of `across` samples for each class, or as many rows of any where there are none."""
    plan = network.config
    rows = min(plan.classes or ACROSS, MOST_ROWS)
    device = network.synthesis.start.device
    z = torch.randn(rows * across, plan.z, generator=torch.Generator().manual_seed(0)).to(device)
    classes = torch.eye(plan.classes, device=device)[:rows].repeat_interleave(across, 0) if plan.classes else None
    with torch.no_grad():
        w = network.mapping(z, classes)
        mean = network.mapping.get_buffer("mean")
        w = torch.lerp(mean.expand_as(w) if classes is None else classes @ mean, w, truncation)
        # A network in training may be narrower than its last stage: it is run as far as that goes.
        images = network.synthesis(w[:, None].expand(-1, plan.layers, -1), int(math.log2(side)) - 1)
    images = images.expand(-1, 3, -1, -1)
    larger = max(1, SMALLEST // side)
    images = images.repeat_interleave(larger, 2).repeat_interleave(larger, 3)
    whole = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
    grid = whole.unflatten(0, (rows, across)).permute(0, 3, 1, 4, 2)
    whole_sheet: Tensor = grid.reshape(rows * side * larger, across * side * larger, 3).contiguous()
    return whole_sheet
