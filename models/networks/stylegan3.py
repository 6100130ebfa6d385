"""StyleGAN3's generator, -T and -R (Karras et al. 2021), in plain torch: Fourier features, filtered nonlinearities.

Each layer convolves, samples up, bends, and samples down again, so that nothing is made above the frequencies that its
sampling can hold (section 3). The filters themselves come with the weights. A shift or turn of the input's coordinates
shifts or turns the picture: `placed` is that transform, exact but for the borders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.mapping import EPSILON, GAIN, SLOPE, Dense, MappingNetwork, MappingSizes, mapping_sizes

BOUND = 1e30  # a clamp so far out is none


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer: its channels and kernel, the maps' sizes before and after as (width, height), how it resamples.

    `padding` is left, right, top, bottom around the sampled-up maps, negative where they are cut; `up`, `down` are the
    filters' shapes, none where they have one tap. `colours` is the last layer, which neither bends nor demodulates.
    """

    inside: int
    outside: int
    kernel: int
    before: tuple[int, int]
    after: tuple[int, int]
    factors: tuple[int, int]
    padding: tuple[int, int, int, int]
    up: tuple[int, ...]
    down: tuple[int, ...]
    colours: bool
    clamp: float


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The sizes of a network. `grid` is the input's width and height, `rate` and `band` its sampling rate and bandwidth
    in cycles per picture side.
    """

    mapping: MappingSizes
    channels: int
    grid: tuple[int, int]
    rate: float
    band: float
    layers: tuple[LayerConfig, ...]

    @property
    def styles(self) -> int:
        """How many w the synthesis takes: one for the input, one a layer."""
        return len(self.layers) + 1


class Input(nn.Module):
    """Waves on a grid, turned and shifted as w says, mixed by a matrix (section 3.2 and appendix F)."""

    def __init__(self, plan: NetworkConfig) -> None:
        super().__init__()
        self.grid, self.rate, self.band = plan.grid, plan.rate, plan.band
        self.affine = Dense(plan.mapping.w, 4)
        self.weight = nn.Parameter(torch.randn(plan.channels, plan.channels))
        self.register_buffer("frequencies", torch.zeros(plan.channels, 2))
        self.register_buffer("phases", torch.zeros(plan.channels))

    def forward(self, style: Tensor, placed: Tensor | None) -> Tensor:
        """The affine's output [N, 4] (cosine, sine, shift) and a transform [3, 3] or [N, 3, 3] to maps."""
        turn = style / style[:, :2].norm(dim=1, keepdim=True)
        cosine, sine, right, down = turn.unbind(1)
        zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
        turned = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], 1).view(-1, 3, 3)
        shifted = torch.stack([one, zero, -right, zero, one, -down, zero, zero, one], 1).view(-1, 3, 3)
        whole = turned @ shifted
        if placed is not None:
            whole = whole @ placed.to(whole)
        frequencies = self.get_buffer("frequencies")
        phases = self.get_buffer("phases") + (frequencies @ whole[:, :2, 2:]).squeeze(2)
        frequencies = frequencies @ whole[:, :2, :2]
        loud = 1 - (frequencies.norm(dim=2) - self.band) / (self.rate / 2 - self.band)
        x = self._places(style)[None] @ frequencies.transpose(1, 2)[:, None]
        x = torch.sin((x + phases[:, None, None]) * (2 * math.pi)) * loud.clamp(0, 1)[:, None, None]
        maps: Tensor = x @ (self.weight / math.sqrt(self.weight.shape[1])).T
        return maps.permute(0, 3, 1, 2)

    def _places(self, like: Tensor) -> Tensor:
        # The middle of every grid cell, in picture sides; the picture's middle is zero.
        width, height = self.grid
        across = ((torch.arange(width, device=like.device) + 0.5) - width / 2) / self.rate
        along = ((torch.arange(height, device=like.device) + 0.5) - height / 2) / self.rate
        rows, columns = torch.meshgrid(along, across, indexing="ij")
        return torch.stack([columns, rows], dim=2).to(like.dtype)


class Layer(nn.Module):
    """A modulated convolution and a filtered nonlinearity."""

    up: Tensor | None
    down: Tensor | None

    def __init__(self, plan: LayerConfig, w: int) -> None:
        super().__init__()
        self.plan = plan
        self.affine = Dense(w, plan.inside, start=1.0)
        self.weight = nn.Parameter(torch.randn(plan.outside, plan.inside, plan.kernel, plan.kernel))
        self.bias = nn.Parameter(torch.zeros(plan.outside))
        self.register_buffer("size", torch.ones([]))  # the mean square of what comes in, measured in training
        self.register_buffer("up", torch.zeros(plan.up) if plan.up else None)
        self.register_buffer("down", torch.zeros(plan.down) if plan.down else None)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        plan = self.plan
        weight: Tensor = self.weight
        gain = self.get_buffer("size").rsqrt()
        if plan.colours:
            back = (gain / math.sqrt(plan.inside * plan.kernel**2)).expand(len(x), plan.outside)
        else:
            weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
            style = style * style.square().mean(dim=1, keepdim=True).rsqrt()
            back = (style.square() @ weight.square().sum(dim=(2, 3)).T + EPSILON).rsqrt() * gain
        x = F.conv2d(x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype), padding=plan.kernel - 1)
        x = torch.addcmul(self.bias.to(x.dtype)[:, None, None], x, back.to(x.dtype)[:, :, None, None])
        x = sampled_up(x, self.up, plan.factors[0], plan.padding)
        if not plan.colours:
            x = F.leaky_relu(x, SLOPE) * GAIN
        if plan.clamp < BOUND:
            x = x.clamp(-plan.clamp, plan.clamp)
        return sampled_down(x, self.down, plan.factors[1])


class SynthesisNetwork(nn.Module):
    """Latents [N, styles, w] to pictures [N, channels, H, W], roughly in [-1, 1]."""

    def __init__(self, plan: NetworkConfig) -> None:
        super().__init__()
        self.plan = plan
        self.input = Input(plan)
        self.layers = nn.ModuleList(Layer(layer, plan.mapping.w) for layer in plan.layers)
        self.register_buffer("scale", torch.tensor(0.25))

    def styles(self, latents: Tensor) -> list[Tensor]:
        """The style space S: every affine's output, the input's four numbers first."""
        parts = [self.input, *self.layers]
        return [part.affine(latents[:, number]) for number, part in enumerate(parts)]

    def paint(self, styles: list[Tensor], placed: Tensor | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """The picture of styles, its input under the transform `placed`. The waves are always made in float32."""
        x: Tensor = self.input(styles[0], placed).to(dtype)
        for layer, style in zip(self.layers, styles[1:], strict=True):
            x = layer(x, style)
        return x.float() * self.get_buffer("scale")

    def forward(self, latents: Tensor, placed: Tensor | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        return self.paint(self.styles(latents), placed, dtype)


class StyleGAN3Network(nn.Module):
    """Mapping and synthesis together."""

    def __init__(self, plan: NetworkConfig) -> None:
        super().__init__()
        self.plan = plan
        sizes = plan.mapping
        self.mapping = MappingNetwork(
            sizes.z, sizes.w, sizes.classes, sizes.layers, embed=sizes.embed, hidden=sizes.hidden
        )
        self.synthesis = SynthesisNetwork(plan)


def placed(right: float = 0.0, down: float = 0.0, turn: float = 0.0) -> Tensor:
    """The input transform [3, 3] that moves a picture by shares of its side, and turns it by `turn` degrees clockwise.

    What the input is given is where each place of the new picture came from: the inverse of the move.
    """
    return moved(torch.tensor([[right, down, turn]], dtype=torch.float64))[0]


def moved(moves: Tensor) -> Tensor:
    """The input transforms [N, 3, 3] of moves [N, 3], each as `placed` takes them."""
    right, down, turn = moves.cpu().double().unbind(1)  # some devices have no doubles
    angle = turn * (math.pi / 180)
    cosine, sine, zero, one = angle.cos(), angle.sin(), torch.zeros_like(right), torch.ones_like(right)
    back = (-cosine * right - sine * down, sine * right - cosine * down)
    rows = [cosine, sine, back[0], -sine, cosine, back[1], zero, zero, one]
    return torch.stack(rows, dim=1).view(-1, 3, 3).float().to(moves.device)


def sampled_up(x: Tensor, taps: Tensor | None, factor: int, padding: tuple[int, int, int, int]) -> Tensor:
    """Maps with zeros between their samples, padded, and low-passed by a separable filter [taps] (gain `factor`^2)."""
    left, right, top, bottom = padding
    if taps is None:
        return F.pad(x, (left, right, top, bottom))
    row = (taps * factor).to(x.dtype)
    # Spreading each sample by the filter is the whole convolution; what padding and cutting leave of it is known.
    x = _spread(_spread(x, row, factor, 3), row, factor, 2)
    before, after = len(taps) - 1, len(taps) - factor
    return F.pad(x, (left - before, right - after, top - before, bottom - after))


def sampled_down(x: Tensor, taps: Tensor | None, factor: int) -> Tensor:
    """Maps low-passed by a filter, separable [taps] or whole [taps, taps], of which every `factor`th sample is kept."""
    if taps is None:
        return x[..., ::factor, ::factor]
    channels = x.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)  # where filtering every map by itself is quick
    kernel = taps.flip(tuple(range(taps.ndim))).to(x.dtype)
    if kernel.ndim == 2:
        return F.conv2d(x, kernel.expand(channels, 1, -1, -1), stride=factor, groups=channels)
    x = F.conv2d(x, _along(kernel, 3).expand(channels, -1, -1, -1), stride=(1, factor), groups=channels)
    return F.conv2d(x, _along(kernel, 2).expand(channels, -1, -1, -1), stride=(factor, 1), groups=channels)


def _spread(x: Tensor, taps: Tensor, factor: int, axis: int) -> Tensor:
    """Along one axis, every sample times the filter, `factor` places apart, added up: (n - 1) * factor + taps long."""
    channels = x.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)
    step = [1, 1]
    if x.dtype == torch.float32 or len(taps) % factor:
        step[axis - 2] = factor
        kernel = _along(taps, axis).expand(channels, -1, -1, -1)
        return F.conv_transpose2d(x, kernel, stride=step, groups=channels)
    # In fewer bits that is slow on a CPU; each of the places between two samples is a plain convolution.
    phases, edge = taps.view(-1, factor).flip(0), [0, 0]
    edge[axis - 2] = len(phases) - 1
    kernels = [_along(phases[:, place], axis).expand(channels, -1, -1, -1) for place in range(factor)]
    parts = [F.conv2d(x, kernel, padding=edge, groups=channels) for kernel in kernels]
    return torch.stack(parts, axis + 1).flatten(axis, axis + 1)


def _along(taps: Tensor, axis: int) -> Tensor:
    return taps.reshape(1, 1, 1, -1) if axis == 3 else taps.reshape(1, 1, -1, 1)


def config_from_state(state: Mapping[str, Tensor]) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """The sizes of a stored network, and its state without the numbers that say them; KeyError where some are missing.

    A layer's `plan` is width and height before and after, both factors, four paddings, whether it makes colours, and
    its clamp; the input's is width, height, sampling rate and bandwidth.
    """
    rest = {name: tensor for name, tensor in state.items() if not name.endswith(".plan")}
    width, height, rate, band = state["synthesis.input.plan"].tolist()
    layers = []
    for number in range(sum(name.startswith("synthesis.layers.") for name in state if name.endswith(".plan"))):
        root = f"synthesis.layers.{number}"
        told = state[f"{root}.plan"].tolist()
        outside, inside, kernel, _ = state[f"{root}.weight"].shape
        whole = [int(value) for value in told[:10]]
        layers.append(
            LayerConfig(
                inside=inside,
                outside=outside,
                kernel=kernel,
                before=(whole[0], whole[1]),
                after=(whole[2], whole[3]),
                factors=(whole[4], whole[5]),
                padding=(whole[6], whole[7], whole[8], whole[9]),
                up=tuple(state[f"{root}.up"].shape) if f"{root}.up" in state else (),
                down=tuple(state[f"{root}.down"].shape) if f"{root}.down" in state else (),
                colours=bool(told[10]),
                clamp=float(told[11]),
            )
        )
    channels = int(state["synthesis.input.weight"].shape[0])
    grid = (int(width), int(height))
    return NetworkConfig(mapping_sizes(state), channels, grid, float(rate), float(band), tuple(layers)), rest
