"""Differentiable augmentation (Zhao et al. 2020) of all images that the discriminator sees, real and generated.

Every image has its own random parameters, the batch is processed at once, and gradients reach the generator. The
ranges are the paper's: brightness +-0.5, saturation 0 to 2, contrast 0.5 to 1.5, shifts up to an eighth of the side
with zeros beyond the border, and a square of half the side set to zero anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Change = Literal["colour", "translation", "cutout"]
SHIFT = 0.125
CUT = 0.5


def augment(images: Tensor, changes: Sequence[Change], source: torch.Generator) -> Tensor:
    """Images [N, C, H, W] in [-1, 1], changed in the paper's order.

    Colours may leave [-1, 1], as in the paper. `source` is a CPU generator; without changes nothing is drawn from it.
    """
    for change in ("colour", "translation", "cutout"):
        if change in changes:
            images = _CHANGES[change](images, source)
    return images


def change_colour(images: Tensor, source: torch.Generator) -> Tensor:
    """Random brightness, then saturation about each pixel's mean, then contrast about each image's mean."""
    draw = _draw(images, 3, source)
    images = images + (draw[0] - 0.5)
    mean = images.mean(dim=1, keepdim=True)
    images = mean + (images - mean) * (draw[1] * 2)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (draw[2] + 0.5)


def translate(images: Tensor, source: torch.Generator) -> Tensor:
    """Each image shifted by whole pixels, with zeros where it shows what was outside."""
    height, width = images.shape[-2:]
    limits = torch.tensor([round(height * SHIFT), round(width * SHIFT)])
    span = 2 * limits + 1
    shifts = ((torch.rand(len(images), 2, generator=source) * span).long() - limits).to(images.device)
    rows = torch.arange(height, device=images.device)[None] - shifts[:, :1]
    columns = torch.arange(width, device=images.device)[None] - shifts[:, 1:]
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None]
    which = torch.arange(len(images), device=images.device)[:, None, None]
    rows, columns = rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None]
    return images.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2) * inside


def cut_out(images: Tensor, source: torch.Generator) -> Tensor:
    """Each image with a square of half the side set to zero; its centre lies anywhere, so a part may be outside."""
    height, width = images.shape[-2:]
    middle = (torch.rand(len(images), 2, generator=source) * torch.tensor([height, width])).floor()
    middle = middle.to(images.device)
    rows = torch.arange(height, device=images.device)[None] - middle[:, :1]
    columns = torch.arange(width, device=images.device)[None] - middle[:, 1:]
    tall, wide = round(height * CUT), round(width * CUT)
    inside = ((rows >= -(tall // 2)) & (rows < tall - tall // 2))[:, None, :, None]
    inside = inside & ((columns >= -(wide // 2)) & (columns < wide - wide // 2))[:, None, None]
    return images * ~inside


_CHANGES = {"colour": change_colour, "translation": translate, "cutout": cut_out}


def _draw(images: Tensor, count: int, source: torch.Generator) -> Tensor:
    return torch.rand(count, len(images), 1, 1, 1, generator=source).to(images)
