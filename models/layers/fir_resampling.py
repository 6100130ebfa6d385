"""Upsampling with an FIR filter: in the kernel of a transposed convolution, and of an image (StyleGAN2, section B)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def filter_kernel(kernel: Tensor, fir: Sequence[float]) -> tuple[Tensor, int]:
    """The kernel [in, out, 3, 3] of a stride-2 transposed convolution with the filter applied, and its padding.

    The filter's taps are scaled to a sum of 4, because upsampling spreads one value over four. With the returned
    padding the output has exactly twice the side.
    """
    taps = [2 * tap / sum(fir) for tap in reversed(fir)]
    margin = len(taps) - 1
    # A sum of shifted copies is quick; as a convolution, each of the in x out kernels would be an image of its own.
    tall = F.pad(kernel, (0, 0, margin, margin))
    height = kernel.shape[-2] + margin
    tall = sum(
        (tall[..., at : at + height, :] * tap for at, tap in enumerate(taps[1:], 1)), tall[..., :height, :] * taps[0]
    )
    wide = F.pad(tall, (margin, margin))
    width = kernel.shape[-1] + margin
    wide = sum((wide[..., at : at + width] * tap for at, tap in enumerate(taps[1:], 1)), wide[..., :width] * taps[0])
    return wide, (height - 2) // 2


def prepare_kernel(kernel: Tensor, fir: Sequence[float]) -> Tensor:
    """The kernel that `upsample_conv` takes, from a kernel [in, out, 3, 3].

    A filter of two taps is multiplied into the kernel. A longer one would make the convolution four times as
    expensive; filtering each map separately costs next to nothing in the channels-last memory format.
    """
    return filter_kernel(kernel, fir)[0] if len(fir) <= 2 else kernel


def upsample_conv(x: Tensor, kernel: Tensor, fir: Sequence[float]) -> Tensor:
    """Maps [N, in, H, W] convolved and upsampled to [N, out, 2H, 2W]; `kernel` comes from `prepare_kernel`."""
    kernel = kernel.to(x.dtype)
    if len(fir) <= 2:
        return F.conv_transpose2d(x, kernel, stride=2, padding=(kernel.shape[-1] - 2) // 2)
    x = F.conv_transpose2d(x, kernel, stride=2)
    square = _filter_2d(tuple(fir), x.dtype, x.device)
    channels = x.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, square.expand(channels, 1, -1, -1), padding=(len(fir) - 2) // 2, groups=channels)


def upsample_image(image: Tensor, fir: Sequence[float]) -> Tensor:
    """An image [N, C, H, W] at twice its side, filtered, with zeros beyond its border, as skip connections need it."""
    if len(fir) == 2 and fir[0] == fir[1]:
        return F.interpolate(image, scale_factor=2.0)  # equal to that filter, at less cost
    channels = image.shape[1]
    kernel = _filter_2d(tuple(reversed(fir)), image.dtype, image.device).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(image, kernel, stride=2, padding=(len(fir) - 2) // 2, groups=channels)


@functools.lru_cache(maxsize=64)
def _filter_2d(fir: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The separable filter as a kernel [1, 1, taps, taps], flipped for a correlation.

    Cached, because a copy to a device waits for the device and cannot be part of a CUDA graph.
    """
    with torch.inference_mode(False):
        taps = torch.tensor(fir[::-1], dtype=torch.float32)
        taps = taps / taps.sum() * 2
        return torch.outer(taps, taps)[None, None].to(dtype).to(device)
