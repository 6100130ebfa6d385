"""StyleGAN2's generator (Karras et al. 2020) in plain torch: mapping network, modulated convolutions, skip outputs.

It is fast without a compiled extension because a modulated convolution equals scaling the input by the style,
convolving with the shared weight, and scaling the output by the demodulation (section 2.2): the paper's arithmetic in
another order. The gain of root 2 of the leaky ReLU is multiplied into scale and bias.
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
from models.layers.fir_resampling import prepare_kernel, upsample_conv, upsample_image
from models.layers.weight_cache import WeightCache
from models.networks.mapping import EPSILON, GAIN, RATE, SLOPE, Dense, MappingNetwork, mapping_sizes

HALF = math.sqrt(0.5)
Architecture = Literal["skip", "resnet", "orig"]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The sizes of a network: `widths` are the channels at 4, 8, 16 ... px, `fir` the resampling filter.

    `classes` is 0 for an unconditional network. `mapping` counts the layers of the mapping network, `rate` is its
    learning-rate multiplier, which is part of the arithmetic of the weights (section B of the StyleGAN2 paper,
    "equalised" rates). `architecture` is one of the paper's figure 7; `start` is the height and width of the learned
    constant, `noise` tells if fixed noise is added, `clamp` is the bound of the feature maps in ADA's networks. `embed`
    and `hidden` are widths of the mapping network, 0 for the width of `z` and of `w`; `joint` is how classes entered it
    before ADA.
    """

    z: int
    w: int
    classes: int
    widths: tuple[int, ...]
    mapping: int = 8
    fir: tuple[float, ...] = (1, 3, 3, 1)
    channels: int = 3
    rate: float = RATE
    architecture: Architecture = "skip"
    start: tuple[int, int] = (4, 4)
    noise: bool = False
    clamp: float | None = None
    embed: int = 0
    hidden: int = 0
    joint: bool = False

    @property
    def resolution(self) -> int:
        """The height of the images."""
        return self.side(len(self.widths) - 1)[0]

    def side(self, block: int) -> tuple[int, int]:
        """Height and width of a block's maps."""
        return self.start[0] << block, self.start[1] << block

    @property
    def layers(self) -> int:
        """The number of styles: two per resolution (one at 4 px), and one for the last image."""
        return 2 * len(self.widths)


class ModulatedConvolution(nn.Module):
    """A convolution whose input channels are scaled by a style and whose output is normalised (demodulated).

    `side` is the height and width of the output and of the fixed noise; `output_scale` multiplies the output.
    """

    noise: Tensor | None

    def __init__(
        self,
        inside: int,
        outside: int,
        config: NetworkConfig,
        kernel: int = 3,
        up: bool = False,
        side: tuple[int, int] = (0, 0),
        output_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.affine = Dense(config.w, inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.gain = 1 / math.sqrt(inside * kernel * kernel)
        self.up, self.fir = up, config.fir
        self.scale = GAIN * output_scale
        self.clamp = None if config.clamp is None else config.clamp * output_scale
        self._cached = WeightCache()
        self.register_buffer("noise", torch.zeros(side) if config.noise else None)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Maps [N, inside, H, W] and the affine's styles [N, inside] to maps [N, outside, H, W]."""
        kernel, energy = self._cached(self.weight, x.dtype, partial(self._kernel_and_energy, x.dtype))
        demodulation = (style.square() @ energy + EPSILON).rsqrt()
        x = x * style.to(x.dtype)[:, :, None, None]
        x = upsample_conv(x, kernel, self.fir) if self.up else F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        bias = (self.bias * self.scale).to(x.dtype)[None, :, None, None]
        x = torch.addcmul(bias, x, (demodulation * self.scale).to(x.dtype)[:, :, None, None])
        if self.noise is not None:  # separately: adding it to the bias first would change the memory format of the maps
            x = x + (self.noise * self.scale).to(x.dtype)[None, None]
        x = F.leaky_relu(x, SLOPE)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)

    def _kernel_and_energy(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The kernel in the form of the convolution, and the energy of each input in each output [inside, outside]."""
        weight = self.weight * self.gain
        energy = weight.square().sum(dim=(2, 3)).T
        kernel = prepare_kernel(weight.transpose(0, 1), self.fir) if self.up else weight
        return kernel.to(dtype), energy


class ToPicture(nn.Module):
    """A modulated 1x1 convolution to an image, without demodulation."""

    def __init__(self, inside: int, config: NetworkConfig) -> None:
        super().__init__()
        self.affine = Dense(config.w, inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(config.channels, inside, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.channels))
        self.gain, self.clamp = 1 / math.sqrt(inside), config.clamp

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Maps [N, inside, H, W] and the affine's styles [N, inside] to images [N, channels, H, W]."""
        style = style * self.gain
        colours = F.conv2d(x * style.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype)).float()
        colours = colours + self.bias[:, None, None]
        return colours if self.clamp is None else colours.clamp(-self.clamp, self.clamp)


class Skip(nn.Module):
    """The shortcut of a residual block: a 1x1 convolution, upsampled with the filter."""

    def __init__(self, inside: int, outside: int, config: NetworkConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, 1, 1))
        self.gain, self.fir = HALF / math.sqrt(inside), config.fir

    def forward(self, x: Tensor) -> Tensor:
        return upsample_image(F.conv2d(x, (self.weight * self.gain).to(x.dtype)), self.fir)


class Block(nn.Module):
    """One resolution: an upsampling convolution (not in the first block), a plain one, and in some blocks an image.

    `forward` takes feature maps and the block's styles, the outputs of the affines, in the order of `layers`.
    """

    def __init__(self, number: int, config: NetworkConfig) -> None:
        super().__init__()
        outside, inside = config.widths[number], config.widths[number - 1] if number else 0
        side, last = config.side(number), number == len(config.widths) - 1
        residual = config.architecture == "resnet" and number > 0
        self.rise = ModulatedConvolution(inside, outside, config, up=True, side=side) if inside else None
        self.stay = ModulatedConvolution(outside, outside, config, side=side, output_scale=HALF if residual else 1.0)
        self.skip = Skip(inside, outside, config) if residual else None
        self.picture = ToPicture(outside, config) if last or config.architecture == "skip" else None

    @property
    def layers(self) -> list[ModulatedConvolution | ToPicture]:
        """The layers that take a style, in the order in which w enters."""
        return [layer for layer in (self.rise, self.stay, self.picture) if layer is not None]

    def forward(self, x: Tensor, styles: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        shortcut = None if self.skip is None else self.skip(x)
        if self.rise is not None:
            x = self.rise(x, styles[0])
        x = self.stay(x, styles[0 if self.rise is None else 1])
        x = x if shortcut is None else shortcut + x
        return x, None if self.picture is None else self.picture(x, styles[-1])


class SynthesisNetwork(nn.Module):
    """Latents [N, layers, w] to images [N, channels, H, W], roughly in [-1, 1]; fewer blocks give a smaller image."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.start = nn.Parameter(torch.randn(config.widths[0], *config.start))
        self.blocks = nn.ModuleList(Block(number, config) for number in range(len(config.widths)))

    def styles(self, latents: Tensor, blocks: int | None = None) -> list[list[Tensor]]:
        """The style space S: each block's affine outputs, [N, channels] a layer, for latents [N, layers, w]."""
        styles = []
        for number, block in enumerate(self.blocks[:blocks]):
            # Layers overlap by one: the image of a block shares its latent with the first convolution of the next.
            first = max(2 * number - 1, 0)
            styles.append(
                [layer.affine(latents[:, first + offset]) for offset, layer in enumerate(cast(Block, block).layers)]
            )
        return styles

    def images_from_styles(
        self, styles: Sequence[Sequence[Tensor]], dtype: torch.dtype = torch.float32, cache: BlockCache | None = None
    ) -> Tensor:
        """The images of styles, in the layout that `styles` returns; runs as many blocks as have styles.

        A `cache` stores the output of each block; blocks whose output it already holds are not run again.
        """
        if cache is None or not cache.acquire(styles):
            return self._run(styles, dtype, None)
        try:
            return self._run(styles, dtype, cache)
        finally:
            cache.release()

    def _run(self, styles: Sequence[Sequence[Tensor]], dtype: torch.dtype, cache: BlockCache | None) -> Tensor:
        outputs = [] if cache is None else cache.begin(styles)
        x = self.start.to(dtype).expand(len(styles[0][0]), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        if outputs:
            x, image = outputs[-1]
        for block, block_styles in zip(self.blocks[len(outputs) :], styles[len(outputs) :], strict=False):
            x, addition = block(x, block_styles)
            if addition is not None:
                image = addition if image is None else upsample_image(image, self.config.fir) + addition
            if cache is not None:
                cache.append((x, image))
        assert image is not None, "this architecture makes its image only in the last block"
        return image

    def forward(self, latents: Tensor, blocks: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        return self.images_from_styles(self.styles(latents, blocks), dtype)


class StyleGAN2Network(nn.Module):
    """Mapping and synthesis networks together: the module that is trained, averaged and stored."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(
            config.z, config.w, config.classes, config.mapping, config.rate, config.embed, config.hidden, config.joint
        )
        self.synthesis = SynthesisNetwork(config)

    def forward(self, z: Tensor, classes: Tensor | None, blocks: int | None = None) -> Tensor:
        w = self.mapping(z, classes)
        images: Tensor = self.synthesis(w[:, None].expand(-1, self.config.layers, -1), blocks)
        return images


def config_from_state(state: Mapping[str, Tensor], fir: Sequence[float], clamp: float | None = None) -> NetworkConfig:
    """The sizes of a stored network, from the names and shapes of its tensors, which do not show `fir` and `clamp`."""
    blocks = sum(name.startswith("synthesis.blocks.") and name.endswith(".stay.weight") for name in state)
    widths = tuple(int(state[f"synthesis.blocks.{k}.stay.weight"].shape[0]) for k in range(blocks))
    start = state["synthesis.start"].shape
    images = sum(name.endswith(".picture.weight") for name in state)
    architecture: Architecture = "resnet" if any(name.endswith(".skip.weight") for name in state) else "orig"
    mapping = mapping_sizes(state)
    return NetworkConfig(
        z=mapping.z,
        w=mapping.w,
        classes=mapping.classes,
        widths=widths,
        mapping=mapping.layers,
        fir=tuple(fir),
        channels=int(state[f"synthesis.blocks.{blocks - 1}.picture.weight"].shape[0]),
        architecture=architecture if images == 1 and blocks > 1 else "skip",
        start=(int(start[1]), int(start[2])),
        noise="synthesis.blocks.0.stay.noise" in state,
        clamp=clamp,
        embed=mapping.embed,
        hidden=mapping.hidden,
        joint=mapping.joint,
    )
