"""StyleGAN2's generator (Karras et al. 2020) in plain torch: mapping network, modulated convolutions, skip outputs.

Two identities keep it quick without a compiled extension. Modulating a weight and convolving is scaling the input
by the style, convolving with the shared weight, and scaling the output by the demodulation (section 2.2); upsampling
with a FIR filter after a stride-2 transposed convolution is one transposed convolution whose kernel was filtered.
Both are the paper's arithmetic in another order. The leak's gain of root 2 is folded into scale and bias.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
GAIN = math.sqrt(2)
EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of a network: `widths` are the channels at 4, 8, 16 ... px, `fir` the resampling filter.

    `classes` is 0 for an unconditional network. `rate` is the mapping network's learning-rate multiplier, which
    enters the arithmetic of the weights (section B of the StyleGAN2 paper, "equalised" rates).
    """

    z: int
    w: int
    classes: int
    widths: tuple[int, ...]
    mapping: int = 8
    fir: tuple[int, ...] = (1, 3, 3, 1)
    channels: int = 3
    rate: float = 0.01

    @property
    def resolution(self) -> int:
        return int(4 * 2 ** (len(self.widths) - 1))

    @property
    def layers(self) -> int:
        """How many styles the synthesis takes: two a resolution (one at 4 px), and one for the last picture."""
        return 2 * len(self.widths)


class Dense(nn.Module):
    """A linear layer whose weight is stored at unit scale (equalised learning rate)."""

    def __init__(self, inside: int, outside: int, start: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside) / rate)
        self.bias = nn.Parameter(torch.full((outside,), start / rate))
        self.gain, self.rate = rate / math.sqrt(inside), rate

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


class MappingNetwork(nn.Module):
    """z [N, z] and class weights [N, classes] to w [N, w]; `mean` holds the average w of every class."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.embed = Dense(plan.classes, plan.z) if plan.classes else None
        widths = [plan.z * (2 if plan.classes else 1)] + [plan.w] * plan.mapping
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(Dense(inside, outside, rate=plan.rate) for inside, outside in pairs)
        self.register_buffer("mean", torch.zeros(max(plan.classes, 1), plan.w))

    def forward(self, z: Tensor, classes: Tensor | None) -> Tensor:
        x = unit(z)
        if self.embed is not None and classes is not None:
            x = torch.cat([x, unit(self.embed(classes))], dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE) * GAIN
        return x


class Modulated(nn.Module):
    """A convolution whose input channels are scaled by a style and whose output is brought back to unit size."""

    def __init__(self, inside: int, outside: int, plan: Plan, kernel: int = 3, up: bool = False) -> None:
        super().__init__()
        self.affine = Dense(plan.w, inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.gain = 1 / math.sqrt(inside * kernel * kernel)
        self.up, self.fir = up, plan.fir

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w)
        weight = self.weight * self.gain
        back = (style.square() @ weight.square().sum(dim=(2, 3)).T + EPSILON).rsqrt()
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.up:
            kernel, padding = filtered(weight.transpose(0, 1), self.fir)
            x = F.conv_transpose2d(x, kernel.to(x.dtype), stride=2, padding=padding)
        else:
            x = F.conv2d(x, weight.to(x.dtype), padding=weight.shape[-1] // 2)
        bias = (self.bias * GAIN).to(x.dtype)[None, :, None, None]
        return F.leaky_relu(torch.addcmul(bias, x, (back * GAIN).to(x.dtype)[:, :, None, None]), SLOPE)


class ToPicture(nn.Module):
    """A modulated 1x1 convolution to colours, without demodulation."""

    def __init__(self, inside: int, plan: Plan) -> None:
        super().__init__()
        self.affine = Dense(plan.w, inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(plan.channels, inside, 1, 1))
        self.bias = nn.Parameter(torch.zeros(plan.channels))
        self.gain = 1 / math.sqrt(inside)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w) * self.gain
        colours = F.conv2d(x * style.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype))
        return colours.float() + self.bias[:, None, None]


class Block(nn.Module):
    """One resolution: an upsampling convolution (none at 4 px), a plain one, and its share of the picture."""

    def __init__(self, inside: int, outside: int, plan: Plan) -> None:
        super().__init__()
        self.rise = Modulated(inside, outside, plan, up=True) if inside else None
        self.stay = Modulated(outside, outside, plan)
        self.picture = ToPicture(outside, plan)

    def forward(self, x: Tensor, styles: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        if self.rise is not None:
            x = self.rise(x, styles[0])
        x = self.stay(x, styles[-2])
        return x, self.picture(x, styles[-1])


class SynthesisNetwork(nn.Module):
    """Styles [N, layers, w] to pictures [N, channels, R, R], roughly in [-1, 1]; a shorter run gives a smaller one."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.start = nn.Parameter(torch.randn(plan.widths[0], 4, 4))
        pairs = zip((0, *plan.widths[:-1]), plan.widths, strict=True)
        self.blocks = nn.ModuleList(Block(inside, outside, plan) for inside, outside in pairs)

    def forward(self, styles: Tensor, blocks: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        x = self.start.to(dtype).expand(len(styles), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        total: Tensor | None = None
        for number, block in enumerate(self.blocks[:blocks]):
            # Layers overlap by one: a block's picture shares its style with the next block's first convolution.
            first = max(2 * number - 1, 0)
            x, picture = block(x, styles[:, first : 2 * number + 2].unbind(1))
            total = picture if total is None else raised(total, self.plan.fir) + picture
        assert total is not None
        return total


class StyleGAN2Network(nn.Module):
    """Mapping and synthesis together: what is trained, averaged and stored."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.mapping = MappingNetwork(plan)
        self.synthesis = SynthesisNetwork(plan)

    def forward(self, z: Tensor, classes: Tensor | None, blocks: int | None = None) -> Tensor:
        w = self.mapping(z, classes)
        picture: Tensor = self.synthesis(w[:, None].expand(-1, self.plan.layers, -1), blocks)
        return picture


def unit(x: Tensor) -> Tensor:
    """Rows brought to a mean square of one."""
    return x * (x.square().mean(dim=1, keepdim=True) + EPSILON).rsqrt()


def filtered(kernel: Tensor, fir: Sequence[int]) -> tuple[Tensor, int]:
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


def raised(picture: Tensor, fir: Sequence[int]) -> Tensor:
    """A picture at twice its side through the filter, zero beyond its border, as the skip connections do it."""
    taps = picture.new_tensor(fir)
    taps = taps / taps.sum() * 2
    channels = picture.shape[1]
    kernel = torch.outer(taps, taps)[None, None].expand(channels, 1, -1, -1)
    return F.conv_transpose2d(picture, kernel, stride=2, padding=(len(fir) - 2) // 2, groups=channels)


def plan_of(state: Mapping[str, Tensor], fir: Sequence[int]) -> Plan:
    """The sizes of a stored network, read off its tensors' shapes; the filter has no weights and must be told."""
    starts = sum(name.startswith("synthesis.blocks.") and name.endswith(".stay.weight") for name in state)
    widths = tuple(int(state[f"synthesis.blocks.{k}.stay.weight"].shape[0]) for k in range(starts))
    embed = state.get("mapping.embed.weight")
    first = state["mapping.layers.0.weight"]
    return Plan(
        z=int(first.shape[1]) if embed is None else int(embed.shape[0]),
        w=int(first.shape[0]),
        classes=0 if embed is None else int(embed.shape[1]),
        widths=widths,
        mapping=sum(name.startswith("mapping.layers.") and name.endswith("weight") for name in state),
        fir=tuple(fir),
        channels=int(state["synthesis.blocks.0.picture.weight"].shape[0]),
    )
