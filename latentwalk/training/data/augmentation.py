"""Differentiable augmentation (Zhao et al. 2020): what the critic sees is altered, real and made pictures alike.

Every draw is the picture's own, on the whole batch at once, and gradients flow to the generator through it. The
ranges are the paper's: brightness +-0.5, saturation 0 to 2, contrast 0.5 to 1.5, shifts to an eighth of the side with
nothing beyond the border, and a square of half the side cut out anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Change = Literal["colour", "translation", "cutout"]
SHIFT = 0.125
CUT = 0.5


def augment(pictures: Tensor, changes: Sequence[Change], source: torch.Generator) -> Tensor:
    """Pictures [N, C, H, W] in [-1, 1] altered in the paper's order; no change asked draws nothing.

    Colours may leave [-1, 1], as in the paper; `source` is on the CPU.
    """
    for change in ("colour", "translation", "cutout"):
        if change in changes:
            pictures = _CHANGES[change](pictures, source)
    return pictures


def coloured(pictures: Tensor, source: torch.Generator) -> Tensor:
    """Brightness added, then saturation scaled about each pixel's mean, then contrast about each picture's."""
    draw = _draw(pictures, 3, source)
    pictures = pictures + (draw[0] - 0.5)
    mean = pictures.mean(dim=1, keepdim=True)
    pictures = mean + (pictures - mean) * (draw[1] * 2)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (pictures - mean) * (draw[2] + 0.5)


def translated(pictures: Tensor, source: torch.Generator) -> Tensor:
    """Each picture moved by whole pixels right and down, zero where it came from nowhere."""
    height, width = pictures.shape[-2:]
    limits = torch.tensor([round(height * SHIFT), round(width * SHIFT)])
    span = 2 * limits + 1
    shifts = ((torch.rand(len(pictures), 2, generator=source) * span).long() - limits).to(pictures.device)
    rows = torch.arange(height, device=pictures.device)[None] - shifts[:, :1]
    columns = torch.arange(width, device=pictures.device)[None] - shifts[:, 1:]
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None]
    which = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    rows, columns = rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None]
    return pictures.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2) * inside


def cut(pictures: Tensor, source: torch.Generator) -> Tensor:
    """A square of half the side set to zero; its middle lies anywhere, so that a part may fall outside."""
    height, width = pictures.shape[-2:]
    middle = (torch.rand(len(pictures), 2, generator=source) * torch.tensor([height, width])).floor()
    middle = middle.to(pictures.device)
    rows = torch.arange(height, device=pictures.device)[None] - middle[:, :1]
    columns = torch.arange(width, device=pictures.device)[None] - middle[:, 1:]
    tall, wide = round(height * CUT), round(width * CUT)
    inside = ((rows >= -(tall // 2)) & (rows < tall - tall // 2))[:, None, :, None]
    inside = inside & ((columns >= -(wide // 2)) & (columns < wide - wide // 2))[:, None, None]
    return pictures * ~inside


_CHANGES = {"colour": coloured, "translation": translated, "cutout": cut}


def _draw(pictures: Tensor, count: int, source: torch.Generator) -> Tensor:
    return torch.rand(count, len(pictures), 1, 1, 1, generator=source).to(pictures)
