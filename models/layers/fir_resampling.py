"""Resampling by an FIR filter: inside a transposed convolution's kernel, and of a picture (StyleGAN2, section B)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def filter_image(kernel: Tensor, fir: Sequence[float]) -> tuple[Tensor, int]:
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


def folded(kernel: Tensor, fir: Sequence[float]) -> Tensor:
    """What `risen` takes of a kernel [in, out, 3, 3]: with the filter in it where that is short.

    A filter of two taps goes into the kernel. A longer one would make that four times as much work as filtering every
    map by itself, which is next to nothing where channels lie last in memory.
    """
    return filter_image(kernel, fir)[0] if len(fir) <= 2 else kernel


def risen(x: Tensor, kernel: Tensor, fir: Sequence[float]) -> Tensor:
    """Maps [N, in, H, W] at twice their side through a kernel that was `folded`, and a filter not in it."""
    kernel = kernel.to(x.dtype)
    if len(fir) <= 2:
        return F.conv_transpose2d(x, kernel, stride=2, padding=(kernel.shape[-1] - 2) // 2)
    x = F.conv_transpose2d(x, kernel, stride=2)
    square = _square(tuple(fir), x.dtype, x.device)
    channels = x.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, square.expand(channels, 1, -1, -1), padding=(len(fir) - 2) // 2, groups=channels)


def raised(picture: Tensor, fir: Sequence[float]) -> Tensor:
    """A picture at twice its side through the filter, zero beyond its border, as the skip connections do it."""
    if len(fir) == 2 and fir[0] == fir[1]:
        return F.interpolate(picture, scale_factor=2.0)  # what that filter comes to, without its arithmetic
    channels = picture.shape[1]
    kernel = _square(tuple(reversed(fir)), picture.dtype, picture.device).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(picture, kernel, stride=2, padding=(len(fir) - 2) // 2, groups=channels)


@functools.lru_cache(maxsize=64)
def _square(fir: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    # The filter in both directions, flipped as a correlation takes it [1, 1, taps, taps]; kept, because a copy to a
    # device waits for it, and cannot be part of a CUDA graph.
    with torch.inference_mode(False):
        taps = torch.tensor(fir[::-1], dtype=torch.float32)
        taps = taps / taps.sum() * 2
        return torch.outer(taps, taps)[None, None].to(dtype).to(device)
