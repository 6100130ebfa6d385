"""BigGAN-deep (Brock et al. 2019, appendix B) as a Generator: class and noise enter every batch norm.

The weights are stored after division by their spectral norm. Batch statistics exist for evenly spaced truncations and
are interpolated linearly between them, so the latent in which edits are made is the noise followed by its truncation.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.base import FirstLayer, Precision
from models.errors import ModelFailed
from models.specs import GeneratorSpec

NOISE_LIMIT = 2.0  # the noise follows a normal distribution truncated here


class TruncatedBatchNorm(nn.Module):
    """A conditional batch norm whose mean and variance are tables [steps, channels] over truncations from 0 to 1."""

    def __init__(self, steps: int, channels: int, condition: int, epsilon: float) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(steps, channels))
        self.register_buffer("variances", torch.ones(steps, channels))
        self.scale = nn.Linear(condition, channels, bias=False) if condition else None
        self.offset = nn.Linear(condition, channels, bias=False) if condition else None
        self.weight = None if condition else nn.Parameter(torch.ones(channels))
        self.bias = None if condition else nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor) -> Tensor:
        mean = self._interpolate("means", truncation)
        deviation = (self._interpolate("variances", truncation) + self.epsilon).sqrt()
        if self.scale is not None and self.offset is not None:
            scale, offset = 1 + self.scale(condition), self.offset(condition)
        else:
            assert self.weight is not None
            assert self.bias is not None
            scale, offset = self.weight, self.bias
        scale = scale / deviation
        return torch.addcmul(
            (offset - mean * scale).to(x.dtype)[..., None, None], x, scale.to(x.dtype)[..., None, None]
        )

    def _interpolate(self, name: str, truncation: Tensor) -> Tensor:
        table = self.get_buffer(name)
        # 0.14 / 0.02 is not exactly 7: without rounding, a truncation that has statistics would be interpolated.
        exact = truncation.cpu() if truncation.device.type == "mps" else truncation  # MPS does not support float64
        position = (exact.clamp(0, 1).double() * (len(table) - 1) * 1e6).round() / 1e6
        low = position.floor().long().clamp(max=len(table) - 2)
        share = (position - low).to(table)[:, None]
        row: Tensor = table[low] * (1 - share) + table[low + 1] * share
        return row


class Block(nn.Module):
    """A bottleneck of four convolutions with a shortcut, which drops channels and doubles the side where needed."""

    def __init__(self, widths: Sequence[int], steps: int, condition: int, epsilon: float, up: bool) -> None:
        super().__init__()
        inside, middle, outside = widths
        sides = [(inside, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, outside, 1)]
        self.norms = nn.ModuleList(TruncatedBatchNorm(steps, one, condition, epsilon) for one, _, _ in sides)
        self.convolutions = nn.ModuleList(nn.Conv2d(one, two, side, padding=side // 2) for one, two, side in sides)
        self.up, self.outside = up, outside

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor) -> Tensor:
        y = x
        for number, (norm, convolution) in enumerate(zip(self.norms, self.convolutions, strict=True)):
            y = F.relu(norm(y, condition, truncation))
            if self.up and number == 1:
                y = F.interpolate(y, scale_factor=2)
            y = convolution(y)
        x = x[:, : self.outside]
        return y + (F.interpolate(x, scale_factor=2) if self.up else x)


class Attention(nn.Module):
    """Self-attention over 2x2-pooled keys and values (Zhang et al. 2019), added with a learned weight."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.values = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.out = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        queries = self.theta(x).flatten(2)
        keys, values = (F.max_pool2d(part(x), 2).flatten(2) for part in (self.phi, self.values))
        weights = torch.softmax(queries.transpose(1, 2) @ keys, dim=-1)
        attended = (values @ weights.transpose(1, 2)).view(len(x), -1, *x.shape[2:])
        result: Tensor = x + self.share.to(x.dtype) * self.out(attended)
        return result


class BigGANNetwork(nn.Module):
    """Conditions [N, layers, z + class], one for the first layer and one per block, to images in [-1, 1]."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        epsilon, attention, *ups = state["plan"].tolist()
        classes, condition = state["embeddings.weight"].shape[1], state["gen_z.weight"].shape[1]
        steps, last = state["last.means"].shape
        self.attends = int(attention)
        self.embeddings = nn.Linear(classes, state["embeddings.weight"].shape[0], bias=False)
        self.gen_z = nn.Linear(condition, len(state["gen_z.weight"]))
        self.blocks = nn.ModuleList()
        for number, up in enumerate(ups):
            first, final = (state[f"blocks.{number}.convolutions.{place}.weight"] for place in (0, 3))
            widths = (first.shape[1], first.shape[0], final.shape[0])
            self.blocks.append(Block(widths, steps, condition, epsilon, bool(up)))
        self.attention = Attention(state["attention.theta.weight"].shape[1])
        self.last = TruncatedBatchNorm(steps, last, 0, epsilon)
        self.colours = nn.Conv2d(last, len(state["colours.weight"]), 3, padding=1)
        self.load_state_dict({name: tensor for name, tensor in state.items() if name != "plan"}, strict=True)

    def forward(self, conditions: Tensor, truncations: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """`truncations` is [N, layers]; the last batch norm uses that of the first layer."""
        start = self.gen_z(conditions[:, 0]).view(len(conditions), 4, 4, -1)  # channels last, as in the original
        x = start.permute(0, 3, 1, 2).to(dtype)
        for number, block in enumerate(self.blocks):
            if number == self.attends:
                x = self.attention(x)
            x = block(x, conditions[:, number + 1], truncations[:, number + 1])
        x = F.relu(self.last(x, conditions[:, 0], truncations[:, 0]))
        return torch.tanh(self.colours(x)).float()


class BigGAN:
    """A BigGAN-deep: z [N, z] is noise; latents in `w` [N, z + 1] are the truncated noise and its truncation.

    Class weights mix the embeddings of the classes. `synthesize` also takes one latent per layer [N, layers, z + 1].
    """

    differentiable = True

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        try:
            network = BigGANNetwork({name: tensor.float() for name, tensor in state.items()})
        except (KeyError, RuntimeError, ValueError, IndexError) as error:
            raise ModelFailed(
                f"The weights of {spec.name} are no BigGAN weights.", "Check the model family."
            ) from error
        z, classes = network.embeddings.out_features, network.embeddings.in_features
        if (spec.spaces["z"], len(spec.classes), spec.layers) != ((z,), classes, len(network.blocks) + 1):
            raise ModelFailed(
                f"The weights of {spec.name} are not what its description says.", "Check the description."
            )
        self.spec, self.device = spec, torch.device(device)
        self.precision: Precision = "fp32"
        self.network = network.eval().requires_grad_(False).to(self.device)

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Truncated normal z, sampled on the CPU so that a seed gives the same z on every device."""
        shape = self.spec.spaces["z"]
        rows = [_truncated_normal(shape, torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, *shape, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """The noise scaled towards its mean, which is zero, followed by the truncation: [N, z + 1]."""
        return torch.cat([z * truncation, torch.full_like(z[:, :1], truncation)], dim=1)

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1]. Class weights are required."""
        assert classes is not None, "a BigGAN needs class weights"
        rows = latent[:, None].expand(-1, self.spec.layers, -1) if latent.ndim == 2 else latent
        embedded = self.network.embeddings(classes.to(rows))[:, None].expand(-1, self.spec.layers, -1)
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        images: Tensor = self.network(torch.cat([rows[..., :-1], embedded], dim=2), rows[..., -1], dtype)
        return images

    def at(self, precision: Precision) -> BigGAN:
        """A copy that computes in `precision`; itself if it already does."""
        if precision == self.precision:
            return self
        twin = copy.copy(self)
        twin.network = copy.deepcopy(self.network)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        for module in (*twin.network.blocks, twin.network.attention, twin.network.colours):
            for convolution in module.modules():
                if isinstance(convolution, nn.Conv2d):
                    convolution.to(dtype)
        twin.precision = precision
        return twin

    def first_layer(self, classes: Tensor | None) -> FirstLayer:
        """The linear layer from noise and class to the 4x4 map; the truncation is not part of its input."""
        layer, z = self.network.gen_z, self.spec.spaces["z"][0]
        weight, bias = (self._channels_first(part) for part in (layer.weight, layer.bias[:, None]))
        offset = bias[:, 0]
        if classes is not None:
            offset = offset + weight[:, z:] @ self.network.embeddings(classes[:1].to(weight))[0]
        side = 4
        shape = (len(weight) // side**2, side, side)
        return FirstLayer(F.pad(weight[:, :z], (0, 1)).contiguous(), offset.contiguous(), shape)

    def input_weights(self) -> Tensor:
        """The weights of all layers that the noise enters, [M, z + 1]: first layer, each norm's scale and offset."""
        z = self.spec.spaces["z"][0]
        rows = [self.network.gen_z.weight[:, :z]]
        for block in self.network.blocks:
            for norm in cast(Block, block).norms:
                rows += [cast(nn.Linear, getattr(norm, name)).weight[:, :z] for name in ("scale", "offset")]
        return F.pad(torch.cat(rows), (0, 1))

    def _channels_first(self, rows: Tensor) -> Tensor:
        return rows.view(4, 4, -1, rows.shape[1]).permute(2, 0, 1, 3).reshape(-1, rows.shape[1])


def _truncated_normal(shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    # Values beyond the limit, about one in twenty-two, are resampled.
    rows = torch.randn(shape, generator=source)
    while bool((rows.abs() > NOISE_LIMIT).any()):
        rows = torch.where(rows.abs() > NOISE_LIMIT, torch.randn(shape, generator=source), rows)
    return rows
