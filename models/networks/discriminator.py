"""The discriminator of GAN training: residual, with minibatch deviation and a projected class (StyleGAN2).

Downsampling is a stride-2 convolution whose kernel was box-filtered; the class enters as an inner product
(Miyato and Koyama 2018). It may start at any resolution and grow, fading the new block in (Karras et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.spectral_norm import parametrise_norm
from models.networks.mapping import GAIN, SLOPE, Dense

GROUP = 8  # images over which the minibatch deviation is taken


class Convolution(nn.Module):
    """An equalised convolution with leaky ReLU, or without (`bare`); `down` halves the side with a box filter."""

    def __init__(self, inside: int, outside: int, kernel: int, down: bool = False, bare: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = None if bare else nn.Parameter(torch.zeros(outside))
        self.gain = 1 / math.sqrt(inside * kernel * kernel)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        raw = self.weight  # read once: each access to a weight with spectral norm runs a power iteration
        # The gain of the leaky ReLU is applied to the weight, which is smaller than the map.
        weight = raw * (self.gain * (1 if self.bias is None else GAIN))
        if self.down:
            weight = F.pad(weight, (1, 1, 1, 1))
            weight = (weight[..., 1:, 1:] + weight[..., :-1, 1:] + weight[..., 1:, :-1] + weight[..., :-1, :-1]) / 4
        bias = None if self.bias is None else (self.bias * GAIN).to(x.dtype)
        stride = 2 if self.down else 1
        x = F.conv2d(x, weight.to(x.dtype), bias, stride=stride, padding=raw.shape[-1] // 2)
        return x if self.bias is None else F.leaky_relu(x, SLOPE)


class DownsamplingBlock(nn.Module):
    """One resolution: two convolutions, the second of which downsamples, and a downsampled shortcut."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.stay = Convolution(inside, inside, 3)
        self.fall = Convolution(inside, outside, 3, down=True)
        self.skip = Convolution(inside, outside, 1, bare=True)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = (self.fall(self.stay(x)) + self.skip(F.avg_pool2d(x, 2))) * (1 / GAIN)
        return halved


class Discriminator(nn.Module):
    """Images [N, channels, R, R] in [-1, 1] and class weights [N, classes] to one score per image, [N]."""

    def __init__(self, widths: Sequence[int], classes: int, channels: int = 3) -> None:
        super().__init__()
        self.see = nn.ModuleList(Convolution(channels, width, 1) for width in widths)
        pairs = zip(widths[1:], widths[:-1], strict=True)
        self.falls = nn.ModuleList(DownsamplingBlock(inside, outside) for inside, outside in pairs)
        top = widths[0]
        self.last = Convolution(top + 1, top, 3)
        self.dense = Dense(top * 16, top)
        self.score = Dense(top, 1)
        self.classes = Dense(classes, top) if classes else None

    def forward(self, images: Tensor, classes: Tensor | None, dtype: torch.dtype, fade: float = 1.0) -> Tensor:
        """`fade` below one mixes in the features of the image at half the side, as progressive growing needs it."""
        level = int(math.log2(images.shape[-1])) - 2
        images = images.to(dtype).contiguous(memory_format=torch.channels_last)
        x = self.see[level](images)
        for number in range(level, 0, -1):
            x = self.falls[number - 1](x)
            if number == level and fade < 1:
                x = torch.lerp(self.see[level - 1](F.avg_pool2d(images, 2)), x, fade)
        x = self.last(torch.cat([x, minibatch_deviation(x)], dim=1)).float()
        x = F.leaky_relu(self.dense(x.flatten(1)), SLOPE) * GAIN
        scores: Tensor = self.score(x)[:, 0]
        if self.classes is not None and classes is not None:
            scores = scores + (self.classes(classes) * x).sum(dim=1) / math.sqrt(x.shape[1])
        return scores


def minibatch_deviation(x: Tensor) -> Tensor:
    """The mean deviation within groups of `GROUP` images, as one additional map (Karras et al. 2018, section 3)."""
    count, _, height, width = x.shape
    size = math.gcd(count, GROUP)
    grouped = x.float().reshape(-1, size, *x.shape[1:])
    spread = (grouped.var(dim=1, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return spread.repeat_interleave(size).view(count, 1, 1, 1).expand(-1, 1, height, width).to(x.dtype)


def with_spectral_norm(discriminator: Discriminator, share: float) -> Discriminator:
    """The discriminator with every weight at spectral norm one and a stable rank of at most `share` of its full rank.

    Changes it in place. The norm replaces the equalising gain; the gain of root 2 of the leaky ReLU stays, so that each
    layer's Lipschitz constant has a known bound, which is not one.
    """
    for layer in discriminator.modules():
        if isinstance(layer, Convolution | Dense):
            parametrise_norm(layer, share)
            layer.gain = 1.0
    return discriminator
