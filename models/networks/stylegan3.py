"""StyleGAN3's generator, -T and -R (Karras et al. 2021), in plain torch: Fourier features, filtered nonlinearities.

Each layer convolves, upsamples, applies the nonlinearity and downsamples again, so that it creates no frequencies above
those that its sampling rate can represent (section 3). The filters are stored with the weights. Shifting or rotating
the coordinates of the input shifts or rotates the image, exactly but for the borders: see `move_transforms`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.mapping import EPSILON, GAIN, SLOPE, Dense, MappingNetwork, MappingSizes, mapping_sizes

BOUND = 1e30  # a clamp this large has no effect


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer: channels and kernel, sizes of the maps before and after as (width, height), and how it resamples.

    `factors` are those of up- and downsampling. `padding` is left, right, top, bottom around the upsampled maps,
    negative where they are cropped; `up`, `down` are the shapes of the filters, empty for one tap. `colours` marks the
    last layer, which has neither nonlinearity nor demodulation.
    """

    channels_in: int
    channels_out: int
    kernel: int
    size_in: tuple[int, int]
    size_out: tuple[int, int]
    factors: tuple[int, int]
    padding: tuple[int, int, int, int]
    up: tuple[int, ...]
    down: tuple[int, ...]
    colours: bool
    clamp: float


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The sizes of a network. `grid` is the width and height of the input, `rate` and `band` are its sampling rate and
    bandwidth in cycles per image side.
    """

    mapping: MappingSizes
    channels: int
    grid: tuple[int, int]
    rate: float
    band: float
    layers: tuple[LayerConfig, ...]

    @property
    def styles(self) -> int:
        """The number of styles: one for the input, one per layer."""
        return len(self.layers) + 1


class Input(nn.Module):
    """Fourier features on a grid, rotated and shifted by a style, mixed by a matrix (section 3.2 and appendix F)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.grid, self.rate, self.band = config.grid, config.rate, config.band
        self.affine = Dense(config.mapping.w, 4)
        self.weight = nn.Parameter(torch.randn(config.channels, config.channels))
        self.register_buffer("frequencies", torch.zeros(config.channels, 2))
        self.register_buffer("phases", torch.zeros(config.channels))

    def forward(self, style: Tensor, transform: Tensor | None) -> Tensor:
        """The affine's output [N, 4] (cosine, sine, shift) and a transform [3, 3] or [N, 3, 3] to feature maps."""
        unit_style = style / style[:, :2].norm(dim=1, keepdim=True)
        cosine, sine, right, down = unit_style.unbind(1)
        zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
        rotation = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], 1).view(-1, 3, 3)
        translation = torch.stack([one, zero, -right, zero, one, -down, zero, zero, one], 1).view(-1, 3, 3)
        matrix = rotation @ translation
        if transform is not None:
            matrix = matrix @ transform.to(matrix)
        frequencies = self.get_buffer("frequencies")
        phases = self.get_buffer("phases") + (frequencies @ matrix[:, :2, 2:]).squeeze(2)
        frequencies = frequencies @ matrix[:, :2, :2]
        amplitudes = 1 - (frequencies.norm(dim=2) - self.band) / (self.rate / 2 - self.band)
        x = self._coordinates(style)[None] @ frequencies.transpose(1, 2)[:, None]
        x = torch.sin((x + phases[:, None, None]) * (2 * math.pi)) * amplitudes.clamp(0, 1)[:, None, None]
        maps: Tensor = x @ (self.weight / math.sqrt(self.weight.shape[1])).T
        return maps.permute(0, 3, 1, 2)

    def _coordinates(self, like: Tensor) -> Tensor:
        """The centre of every grid cell, in image sides from the centre of the image: [height, width, 2]."""
        width, height = self.grid
        columns = ((torch.arange(width, device=like.device) + 0.5) - width / 2) / self.rate
        rows = ((torch.arange(height, device=like.device) + 0.5) - height / 2) / self.rate
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        return torch.stack([x, y], dim=2).to(like.dtype)


class Layer(nn.Module):
    """A modulated convolution and a filtered nonlinearity."""

    up: Tensor | None
    down: Tensor | None

    def __init__(self, config: LayerConfig, w: int) -> None:
        super().__init__()
        self.config = config
        self.affine = Dense(w, config.channels_in, start=1.0)
        self.weight = nn.Parameter(torch.randn(config.channels_out, config.channels_in, config.kernel, config.kernel))
        self.bias = nn.Parameter(torch.zeros(config.channels_out))
        self.register_buffer("size", torch.ones([]))  # the mean square of the input, measured during training
        self.register_buffer("up", torch.zeros(config.up) if config.up else None)
        self.register_buffer("down", torch.zeros(config.down) if config.down else None)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        config = self.config
        weight: Tensor = self.weight
        gain = self.get_buffer("size").rsqrt()
        if config.colours:
            demodulation = (gain / math.sqrt(config.channels_in * config.kernel**2)).expand(len(x), config.channels_out)
        else:
            weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
            style = style * style.square().mean(dim=1, keepdim=True).rsqrt()
            demodulation = (style.square() @ weight.square().sum(dim=(2, 3)).T + EPSILON).rsqrt() * gain
        x = F.conv2d(x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype), padding=config.kernel - 1)
        x = torch.addcmul(self.bias.to(x.dtype)[:, None, None], x, demodulation.to(x.dtype)[:, :, None, None])
        x = upsample(x, self.up, config.factors[0], config.padding)
        if not config.colours:
            x = F.leaky_relu(x, SLOPE) * GAIN
        if config.clamp < BOUND:
            x = x.clamp(-config.clamp, config.clamp)
        return downsample(x, self.down, config.factors[1])


class SynthesisNetwork(nn.Module):
    """Latents [N, styles, w] to images [N, channels, H, W], roughly in [-1, 1]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.input = Input(config)
        self.layers = nn.ModuleList(Layer(layer, config.mapping.w) for layer in config.layers)
        self.register_buffer("scale", torch.tensor(0.25))

    def styles(self, latents: Tensor) -> list[Tensor]:
        """The style space S: the output of every affine, the four values of the input first."""
        parts = [self.input, *self.layers]
        return [part.affine(latents[:, number]) for number, part in enumerate(parts)]

    def images_from_styles(
        self, styles: list[Tensor], transform: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """The images of styles, the input under `transform`. The Fourier features are always computed in float32."""
        x: Tensor = self.input(styles[0], transform).to(dtype)
        for layer, style in zip(self.layers, styles[1:], strict=True):
            x = layer(x, style)
        return x.float() * self.get_buffer("scale")

    def forward(self, latents: Tensor, transform: Tensor | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        return self.images_from_styles(self.styles(latents), transform, dtype)


class StyleGAN3Network(nn.Module):
    """Mapping and synthesis networks together."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        sizes = config.mapping
        self.mapping = MappingNetwork(
            sizes.z, sizes.w, sizes.classes, sizes.layers, embed=sizes.embed, hidden=sizes.hidden
        )
        self.synthesis = SynthesisNetwork(config)


def move_transforms(moves: Tensor) -> Tensor:
    """The input transforms [N, 3, 3] of moves [N, 3]: right and down in shares of the side, turn in degrees clockwise.

    Each maps every point of the new image to the point it came from: the inverse of the move.
    """
    right, down, turn = moves.cpu().double().unbind(1)  # some devices do not support float64
    angle = turn * (math.pi / 180)
    cosine, sine, zero, one = angle.cos(), angle.sin(), torch.zeros_like(right), torch.ones_like(right)
    offset = (-cosine * right - sine * down, sine * right - cosine * down)
    rows = [cosine, sine, offset[0], -sine, cosine, offset[1], zero, zero, one]
    return torch.stack(rows, dim=1).view(-1, 3, 3).float().to(moves.device)


def upsample(x: Tensor, taps: Tensor | None, factor: int, padding: tuple[int, int, int, int]) -> Tensor:
    """Maps upsampled by zero insertion, padded, and low-passed by a separable filter [taps] (gain `factor`^2)."""
    left, right, top, bottom = padding
    if taps is None:
        return F.pad(x, (left, right, top, bottom))
    row = (taps * factor).to(x.dtype)
    # The transposed convolution computes the full result; padding and cropping select the part of it that is needed.
    x = _upsample_axis(_upsample_axis(x, row, factor, 3), row, factor, 2)
    before, after = len(taps) - 1, len(taps) - factor
    return F.pad(x, (left - before, right - after, top - before, bottom - after))


def downsample(x: Tensor, taps: Tensor | None, factor: int) -> Tensor:
    """Maps low-passed by a filter, separable [taps] or full [taps, taps], of which every `factor`th sample remains."""
    if taps is None:
        return x[..., ::factor, ::factor]
    channels = x.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)  # the format in which depthwise filtering is fast
    kernel = taps.flip(tuple(range(taps.ndim))).to(x.dtype)
    if kernel.ndim == 2:
        return F.conv2d(x, kernel.expand(channels, 1, -1, -1), stride=factor, groups=channels)
    x = F.conv2d(x, _as_kernel(kernel, 3).expand(channels, -1, -1, -1), stride=(1, factor), groups=channels)
    return F.conv2d(x, _as_kernel(kernel, 2).expand(channels, -1, -1, -1), stride=(factor, 1), groups=channels)


def _upsample_axis(x: Tensor, taps: Tensor, factor: int, axis: int) -> Tensor:
    """The full upsampling convolution along one axis; the result is (n - 1) * factor + taps long."""
    channels = x.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)
    step = [1, 1]
    if x.dtype == torch.float32 or len(taps) % factor:
        step[axis - 2] = factor
        kernel = _as_kernel(taps, axis).expand(channels, -1, -1, -1)
        return F.conv_transpose2d(x, kernel, stride=step, groups=channels)
    # In bfloat16 that is slow on a CPU; each of the `factor` phases is a plain convolution instead.
    phases, edge = taps.view(-1, factor).flip(0), [0, 0]
    edge[axis - 2] = len(phases) - 1
    kernels = [_as_kernel(phases[:, phase], axis).expand(channels, -1, -1, -1) for phase in range(factor)]
    parts = [F.conv2d(x, kernel, padding=edge, groups=channels) for kernel in kernels]
    return torch.stack(parts, axis + 1).flatten(axis, axis + 1)


def _as_kernel(taps: Tensor, axis: int) -> Tensor:
    return taps.reshape(1, 1, 1, -1) if axis == 3 else taps.reshape(1, 1, -1, 1)


def config_from_state(state: Mapping[str, Tensor]) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """The sizes of a stored network, and its state without the tensors that hold them. KeyError if some are missing.

    The tensor `plan` of a layer holds width and height before and after, both factors, four paddings, whether it is the
    colour layer, and its clamp; that of the input holds width, height, sampling rate and bandwidth.
    """
    rest = {name: tensor for name, tensor in state.items() if not name.endswith(".plan")}
    width, height, rate, band = state["synthesis.input.plan"].tolist()
    layers = []
    for number in range(sum(name.startswith("synthesis.layers.") for name in state if name.endswith(".plan"))):
        root = f"synthesis.layers.{number}"
        values = state[f"{root}.plan"].tolist()
        outside, inside, kernel, _ = state[f"{root}.weight"].shape
        sizes = [int(value) for value in values[:10]]
        layers.append(
            LayerConfig(
                channels_in=inside,
                channels_out=outside,
                kernel=kernel,
                size_in=(sizes[0], sizes[1]),
                size_out=(sizes[2], sizes[3]),
                factors=(sizes[4], sizes[5]),
                padding=(sizes[6], sizes[7], sizes[8], sizes[9]),
                up=tuple(state[f"{root}.up"].shape) if f"{root}.up" in state else (),
                down=tuple(state[f"{root}.down"].shape) if f"{root}.down" in state else (),
                colours=bool(values[10]),
                clamp=float(values[11]),
            )
        )
    channels = int(state["synthesis.input.weight"].shape[0])
    grid = (int(width), int(height))
    return NetworkConfig(mapping_sizes(state), channels, grid, float(rate), float(band), tuple(layers)), rest
