"""Resampling by an FIR filter: inside a transposed convolution's kernel, and of a picture (StyleGAN2, section B)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def filtered(kernel: Tensor, fir: Sequence[float]) -> tuple[Tensor, int]:
    """A stride-2 transposed convolution's kernel [in, out, 3, 3] with the filter applied, and its padding.

    The filter's sum is 4 (upsampling spreads one value over four), and the padding leaves exactly twice the side.
    """
    taps = kernel.new_tensor(fir)
    taps = taps / taps.sum() * 2
    square = torch.outer(taps, taps).flip(0, 1)[None, None]
    inside, outside, height, width = kernel.shape
    flat = kernel.reshape(inside * outside, 1, height, width)
    whole = F.conv2d(flat, square, padding=len(fir) - 1)
    side = height + len(fir) - 1
    return whole.reshape(inside, outside, side, side), (side - 2) // 2


def risen(x: Tensor, kernel: Tensor, fir: Sequence[float]) -> Tensor:
    """Maps [N, in, H, W] at twice their side through a kernel [in, out, 3, 3] and the filter.

    A filter of two taps goes into the kernel. A longer one would make that four times as much work as filtering every
    map by itself, which is next to nothing where channels lie last in memory.
    """
    if len(fir) <= 2:
        folded, padding = filtered(kernel, fir)
        return F.conv_transpose2d(x, folded.to(x.dtype), stride=2, padding=padding)
    x = F.conv_transpose2d(x, kernel.to(x.dtype), stride=2)
    taps = kernel.new_tensor(fir)
    taps = (taps / taps.sum() * 2).flip(0)
    channels = x.shape[1]
    square = torch.outer(taps, taps).to(x.dtype)[None, None].expand(channels, 1, -1, -1)
    x = x.contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, square, padding=(len(fir) - 2) // 2, groups=channels)


def raised(picture: Tensor, fir: Sequence[float]) -> Tensor:
    """A picture at twice its side through the filter, zero beyond its border, as the skip connections do it."""
    taps = picture.new_tensor(fir)
    taps = taps / taps.sum() * 2
    channels = picture.shape[1]
    kernel = torch.outer(taps, taps)[None, None].expand(channels, 1, -1, -1)
    return F.conv_transpose2d(picture, kernel, stride=2, padding=(len(fir) - 2) // 2, groups=channels)
