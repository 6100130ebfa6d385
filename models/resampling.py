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
    taps = [2 * tap / sum(fir) for tap in reversed(fir)]
    reach = len(taps) - 1
    # Sums of shifted copies: as a convolution each of in x out kernels would be a picture of its own.
    tall = F.pad(kernel, (0, 0, reach, reach))
    height = kernel.shape[-2] + reach
    tall = sum(
        (tall[..., at : at + height, :] * tap for at, tap in enumerate(taps[1:], 1)), tall[..., :height, :] * taps[0]
    )
    wide = F.pad(tall, (reach, reach))
    width = kernel.shape[-1] + reach
    wide = sum((wide[..., at : at + width] * tap for at, tap in enumerate(taps[1:], 1)), wide[..., :width] * taps[0])
    return wide, (height - 2) // 2


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
    if len(fir) == 2 and fir[0] == fir[1]:
        return F.interpolate(picture, scale_factor=2.0)  # what that filter comes to, without its arithmetic
    taps = picture.new_tensor(fir)
    taps = taps / taps.sum() * 2
    channels = picture.shape[1]
    kernel = torch.outer(taps, taps)[None, None].expand(channels, 1, -1, -1)
    return F.conv_transpose2d(picture, kernel, stride=2, padding=(len(fir) - 2) // 2, groups=channels)
