"""StyleGAN2's generator (Karras et al. 2020) in plain torch: mapping network, modulated convolutions, skip outputs.

An identity keeps it quick without a compiled extension: modulating a weight and convolving is scaling the input by the
style, convolving with the shared weight, and scaling the output by the demodulation (section 2.2), the paper's
arithmetic in another order. The leak's gain of root 2 is folded into scale and bias.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.block_cache import BlockCache
from models.layers.fir_resampling import folded, raised, risen
from models.layers.weight_cache import WeightCache
from models.networks.mapping import EPSILON, GAIN, SLOPE, Dense, MappingNetwork, mapping_sizes

HALF = math.sqrt(0.5)
Architecture = Literal["skip", "resnet", "orig"]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The sizes of a network: `widths` are the channels at 4, 8, 16 ... px, `fir` the resampling filter.

    `classes` is 0 for an unconditional network. `rate` is the mapping network's learning-rate multiplier, which
    enters the arithmetic of the weights (section B of the StyleGAN2 paper, "equalised" rates). `architecture` is one of
    the paper's figure 7; `start` is the height and width of the learned constant, `noise` whether fixed noise is added,
    `clamp` where ADA's networks bound their maps. 0 for `embed` and `hidden` means as wide as `z` and `w`;
    `joint` is the way of taking classes before ADA.
    """

    z: int
    w: int
    classes: int
    widths: tuple[int, ...]
    mapping: int = 8
    fir: tuple[float, ...] = (1, 3, 3, 1)
    channels: int = 3
    rate: float = 0.01
    architecture: Architecture = "skip"
    start: tuple[int, int] = (4, 4)
    noise: bool = False
    clamp: float | None = None
    embed: int = 0
    hidden: int = 0
    joint: bool = False

    @property
    def resolution(self) -> int:
        """The pictures' height."""
        return self.side(len(self.widths) - 1)[0]

    def side(self, block: int) -> tuple[int, int]:
        """Height and width of a block's maps."""
        return self.start[0] << block, self.start[1] << block

    @property
    def layers(self) -> int:
        """How many styles the synthesis takes: two a resolution (one at 4 px), and one for the last picture."""
        return 2 * len(self.widths)


class Modulated(nn.Module):
    """A convolution whose input channels are scaled by a style and whose output is brought back to unit size.

    `side` is the height and width of its output, of which the fixed noise is one; `share` scales what comes out.
    """

    noise: Tensor | None

    def __init__(
        self,
        inside: int,
        outside: int,
        plan: NetworkConfig,
        kernel: int = 3,
        up: bool = False,
        side: tuple[int, int] = (0, 0),
        share: float = 1.0,
    ) -> None:
        super().__init__()
        self.affine = Dense(plan.w, inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.gain = 1 / math.sqrt(inside * kernel * kernel)
        self.up, self.fir = up, plan.fir
        self.scale = GAIN * share
        self.clamp = None if plan.clamp is None else plan.clamp * share
        self._prepared = WeightCache()
        self.register_buffer("noise", torch.zeros(side) if plan.noise else None)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Maps [N, inside, H, W] and the affine's styles [N, inside] to maps [N, outside, H, W]."""
        kernel, energy = self._prepared(self.weight, x.dtype, partial(self._prepare, x.dtype))
        back = (style.square() @ energy + EPSILON).rsqrt()
        x = x * style.to(x.dtype)[:, :, None, None]
        x = risen(x, kernel, self.fir) if self.up else F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        bias = (self.bias * self.scale).to(x.dtype)[None, :, None, None]
        x = torch.addcmul(bias, x, (back * self.scale).to(x.dtype)[:, :, None, None])
        if self.noise is not None:  # by itself: added to the bias first, it would turn the maps' memory round
            x = x + (self.noise * self.scale).to(x.dtype)[None, None]
        x = F.leaky_relu(x, SLOPE)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)

    def _prepare(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        # The kernel as the convolution takes it, and each input's energy in each output [inside, outside].
        weight = self.weight * self.gain
        energy = weight.square().sum(dim=(2, 3)).T
        kernel = folded(weight.transpose(0, 1), self.fir) if self.up else weight
        return kernel.to(dtype), energy


class ToPicture(nn.Module):
    """A modulated 1x1 convolution to colours, without demodulation."""

    def __init__(self, inside: int, plan: NetworkConfig) -> None:
        super().__init__()
        self.affine = Dense(plan.w, inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(plan.channels, inside, 1, 1))
        self.bias = nn.Parameter(torch.zeros(plan.channels))
        self.gain, self.clamp = 1 / math.sqrt(inside), plan.clamp

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Maps [N, inside, H, W] and the affine's styles [N, inside] to colours [N, channels, H, W]."""
        style = style * self.gain
        colours = F.conv2d(x * style.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype)).float()
        colours = colours + self.bias[:, None, None]
        return colours if self.clamp is None else colours.clamp(-self.clamp, self.clamp)


class Skip(nn.Module):
    """The residual architecture's way around a block: a 1x1 convolution, upsampled through the filter."""

    def __init__(self, inside: int, outside: int, plan: NetworkConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, 1, 1))
        self.gain, self.fir = HALF / math.sqrt(inside), plan.fir

    def forward(self, x: Tensor) -> Tensor:
        return raised(F.conv2d(x, (self.weight * self.gain).to(x.dtype)), self.fir)


class Block(nn.Module):
    """One resolution: an upsampling convolution (none in the first), a plain one, and perhaps its share of the picture.

    Takes its styles, the affines' outputs, in the order of `layers`.
    """

    def __init__(self, number: int, plan: NetworkConfig) -> None:
        super().__init__()
        outside, inside = plan.widths[number], plan.widths[number - 1] if number else 0
        side, last = plan.side(number), number == len(plan.widths) - 1
        residual = plan.architecture == "resnet" and number > 0
        self.rise = Modulated(inside, outside, plan, up=True, side=side) if inside else None
        self.stay = Modulated(outside, outside, plan, side=side, share=HALF if residual else 1.0)
        self.skip = Skip(inside, outside, plan) if residual else None
        self.picture = ToPicture(outside, plan) if last or plan.architecture == "skip" else None

    @property
    def layers(self) -> list[Modulated | ToPicture]:
        """Those of its layers that take a style, in the order in which w enters."""
        return [layer for layer in (self.rise, self.stay, self.picture) if layer is not None]

    def forward(self, x: Tensor, styles: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        around = None if self.skip is None else self.skip(x)
        if self.rise is not None:
            x = self.rise(x, styles[0])
        x = self.stay(x, styles[0 if self.rise is None else 1])
        x = x if around is None else around + x
        return x, None if self.picture is None else self.picture(x, styles[-1])


class SynthesisNetwork(nn.Module):
    """Latents [N, layers, w] to pictures [N, channels, H, W], roughly in [-1, 1]; a shorter run gives a smaller one."""

    def __init__(self, plan: NetworkConfig) -> None:
        super().__init__()
        self.plan = plan
        self.start = nn.Parameter(torch.randn(plan.widths[0], *plan.start))
        self.blocks = nn.ModuleList(Block(number, plan) for number in range(len(plan.widths)))

    def styles(self, latents: Tensor, blocks: int | None = None) -> list[list[Tensor]]:
        """The style space S: each block's affine outputs, [N, channels] a layer, for latents [N, layers, w]."""
        made = []
        for number, block in enumerate(self.blocks[:blocks]):
            # Layers overlap by one: a block's picture shares its latent with the next block's first convolution.
            first = max(2 * number - 1, 0)
            made.append(
                [layer.affine(latents[:, first + place]) for place, layer in enumerate(cast(Block, block).layers)]
            )
        return made

    def paint(
        self, styles: Sequence[Sequence[Tensor]], dtype: torch.dtype = torch.float32, trail: BlockCache | None = None
    ) -> Tensor:
        """The picture of styles, as `styles` gives them; as many blocks are run as have styles. A `trail` keeps what
        they make, and those that it has made before are not run again.
        """
        if trail is None or not trail.enter(styles):
            return self._run(styles, dtype, None)
        try:
            return self._run(styles, dtype, trail)
        finally:
            trail.leave()

    def _run(self, styles: Sequence[Sequence[Tensor]], dtype: torch.dtype, trail: BlockCache | None) -> Tensor:
        made = [] if trail is None else trail.begin(styles)
        x = self.start.to(dtype).expand(len(styles[0][0]), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        total: Tensor | None = None
        if made:
            x, total = made[-1]
        for block, given in zip(self.blocks[len(made) :], styles[len(made) :], strict=False):
            x, picture = block(x, given)
            if picture is not None:
                total = picture if total is None else raised(total, self.plan.fir) + picture
            if trail is not None:
                trail.keep((x, total))
        assert total is not None, "this architecture makes its picture only in the last block"
        return total

    def forward(self, latents: Tensor, blocks: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        return self.paint(self.styles(latents, blocks), dtype)


class StyleGAN2Network(nn.Module):
    """Mapping and synthesis together: what is trained, averaged and stored."""

    def __init__(self, plan: NetworkConfig) -> None:
        super().__init__()
        self.plan = plan
        self.mapping = MappingNetwork(
            plan.z, plan.w, plan.classes, plan.mapping, plan.rate, plan.embed, plan.hidden, plan.joint
        )
        self.synthesis = SynthesisNetwork(plan)

    def forward(self, z: Tensor, classes: Tensor | None, blocks: int | None = None) -> Tensor:
        w = self.mapping(z, classes)
        picture: Tensor = self.synthesis(w[:, None].expand(-1, self.plan.layers, -1), blocks)
        return picture


def config_from_state(state: Mapping[str, Tensor], fir: Sequence[float], clamp: float | None = None) -> NetworkConfig:
    """The sizes of a stored network, read off its tensors' names and shapes; filter and clamp leave no trace there."""
    starts = sum(name.startswith("synthesis.blocks.") and name.endswith(".stay.weight") for name in state)
    widths = tuple(int(state[f"synthesis.blocks.{k}.stay.weight"].shape[0]) for k in range(starts))
    start = state["synthesis.start"].shape
    pictures = sum(name.endswith(".picture.weight") for name in state)
    one: Architecture = "resnet" if any(name.endswith(".skip.weight") for name in state) else "orig"
    mapping = mapping_sizes(state)
    return NetworkConfig(
        z=mapping.z,
        w=mapping.w,
        classes=mapping.classes,
        widths=widths,
        mapping=mapping.layers,
        fir=tuple(fir),
        channels=int(state[f"synthesis.blocks.{starts - 1}.picture.weight"].shape[0]),
        architecture=one if pictures == 1 and starts > 1 else "skip",
        start=(int(start[1]), int(start[2])),
        noise="synthesis.blocks.0.stay.noise" in state,
        clamp=clamp,
        embed=mapping.embed,
        hidden=mapping.hidden,
        joint=mapping.joint,
    )
