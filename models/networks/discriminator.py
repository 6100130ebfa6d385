"""The discriminator that trains a generator: residual, with minibatch deviation and a projected class (StyleGAN2).

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

GROUP = 8  # pictures compared with one another by the minibatch deviation


class Convolution(nn.Module):
    """An equalised convolution with leaky ReLU, or bare; `down` halves the side through a box filter."""

    def __init__(self, inside: int, outside: int, kernel: int, down: bool = False, bare: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = None if bare else nn.Parameter(torch.zeros(outside))
        self.gain = 1 / math.sqrt(inside * kernel * kernel)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        raw = self.weight  # read once: a normalised weight is followed by a power step at each reading
        # The leak's gain goes into the weight: small, and free on the large map.
        weight = raw * (self.gain * (1 if self.bias is None else GAIN))
        if self.down:
            weight = F.pad(weight, (1, 1, 1, 1))
            weight = (weight[..., 1:, 1:] + weight[..., :-1, 1:] + weight[..., 1:, :-1] + weight[..., :-1, :-1]) / 4
        bias = None if self.bias is None else (self.bias * GAIN).to(x.dtype)
        stride = 2 if self.down else 1
        x = F.conv2d(x, weight.to(x.dtype), bias, stride=stride, padding=raw.shape[-1] // 2)
        return x if self.bias is None else F.leaky_relu(x, SLOPE)


class DownsamplingBlock(nn.Module):
    """One resolution of the critic: two convolutions, the second downsampling, beside a plain downsampled skip."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.stay = Convolution(inside, inside, 3)
        self.fall = Convolution(inside, outside, 3, down=True)
        self.skip = Convolution(inside, outside, 1, bare=True)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = (self.fall(self.stay(x)) + self.skip(F.avg_pool2d(x, 2))) * (1 / GAIN)
        return halved


class Discriminator(nn.Module):
    """Pictures [N, channels, R, R] in [-1, 1] and class weights [N, classes] to one score a picture, [N]."""

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

    def forward(self, pictures: Tensor, classes: Tensor | None, dtype: torch.dtype, fade: float = 1.0) -> Tensor:
        """`fade` below one mixes in the picture as the critic of half the side would see it."""
        level = int(math.log2(pictures.shape[-1])) - 2
        pictures = pictures.to(dtype).contiguous(memory_format=torch.channels_last)
        x = self.see[level](pictures)
        for number in range(level, 0, -1):
            x = self.falls[number - 1](x)
            if number == level and fade < 1:
                x = torch.lerp(self.see[level - 1](F.avg_pool2d(pictures, 2)), x, fade)
        x = self.last(torch.cat([x, minibatch_deviation(x)], dim=1)).float()
        x = F.leaky_relu(self.dense(x.flatten(1)), SLOPE) * GAIN
        score = self.score(x)[:, 0]
        if self.classes is not None and classes is not None:
            score = score + (self.classes(classes) * x).sum(dim=1) / math.sqrt(x.shape[1])
        scores: Tensor = score
        return scores


def minibatch_deviation(x: Tensor) -> Tensor:
    """The mean deviation within groups of `GROUP` neighbours, as one further map (Karras et al. 2018, section 3)."""
    count, _, height, width = x.shape
    size = math.gcd(count, GROUP)
    grouped = x.float().reshape(-1, size, *x.shape[1:])
    spread = (grouped.var(dim=1, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return spread.repeat_interleave(size).view(count, 1, 1, 1).expand(-1, 1, height, width).to(x.dtype)


def with_spectral_norm(critic: Discriminator, share: float) -> Discriminator:
    """The critic with every weight at spectral norm one and a stable rank of at most `share` of its full rank.

    The norm takes the place of the equalising gain; the leak's gain of root 2 stays, so that each layer's slope is
    bounded by a known constant rather than by one.
    """
    for layer in critic.modules():
        if isinstance(layer, Convolution | Dense):
            parametrise_norm(layer, share)
            layer.gain = 1.0
    return critic
