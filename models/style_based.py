"""What every style-based generator's adapter does alike: z, w, w+ and S, truncation towards a mean with a cutoff."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol, Self, cast

import torch
from torch import Tensor, nn

from models.base import FirstLayer, GeneratorSpec, ModelError, Precision
from models.mapping import MappingNetwork

DRAWS = 4096  # z for a class's own mean
ROWS = 512  # z mapped at a time


class _Network(Protocol):
    mapping: MappingNetwork
    synthesis: nn.Module


class StyleBased:
    """A style-based generator: z [N, z] and class weights [N, K] to w [N, w], then pictures [N, C, H, W] in [-1, 1].

    Truncation pulls towards the mean w that the weights have: one for all classes, or one a class (`centred`), mixed by
    the class weights (StyleGAN2-ADA's conditional truncation).
    """

    def __init__(self, spec: GeneratorSpec, network: nn.Module, device: torch.device | str) -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.precision: Precision = "fp32"
        network = network.eval().requires_grad_(False).to(self.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stubs do not know it
        parts = cast(_Network, network)
        self.mapping, self.synthesis = parts.mapping, parts.synthesis

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z; drawn on the CPU, so that a seed means the same everywhere."""
        shape = self.spec.spaces["z"]
        rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, *shape, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        w: Tensor = self.mapping(z, classes)
        return w if truncation == 1 else torch.lerp(self._mean(w, classes), w, truncation)

    def layered(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """One w a layer [N, layers, w] (the space w+), truncated in the first `cutoff` layers, or in all of them."""
        w = self.map(z, classes)
        rows = w[:, None].repeat(1, self.spec.layers, 1)
        if truncation != 1:
            rows[:, :cutoff] = torch.lerp(self._mean(w, classes), w, truncation)[:, None]
        return rows

    def centred(self, each_class: bool) -> Self:
        """A twin that truncates towards each class's own mean, estimated here, or towards the mean of those, for all.

        The means a network was trained with are this one's own: keep it to go back to them.
        """
        kinds = len(self.spec.classes)
        if not kinds:
            return self
        z = self.sample(range(DRAWS))
        means = torch.stack([self._average(z, kind) for kind in range(kinds)])
        twin = copy.copy(self)
        twin.mapping = copy.deepcopy(self.mapping)
        twin.mapping.get_buffer("mean").copy_(means if each_class else means.mean(dim=0, keepdim=True))
        return twin

    def at(self, precision: Precision) -> Self:
        if precision == self.precision:
            return self
        # Weights stay in float32: each is scaled first and cast then, and casting them costs little.
        twin = copy.copy(self)
        twin.precision = precision
        return twin

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: w enters at every layer, and no feature map is linear in it."""
        return None

    def entrance(self) -> Tensor:
        """The weights [M, w] of every layer's style, stacked: where w first enters."""
        rows = self.synthesis.named_parameters()
        return torch.cat([weight for name, weight in rows if name.endswith("affine.weight")])

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    def _rows(self, latent: Tensor) -> Tensor:
        rows = latent[:, None].expand(-1, self.spec.layers, -1) if latent.ndim == 2 else latent
        return rows.float()

    def _mean(self, w: Tensor, classes: Tensor | None) -> Tensor:
        mean = self.mapping.get_buffer("mean")
        return mean.expand_as(w) if classes is None else classes.to(mean) @ mean

    def _average(self, z: Tensor, kind: int) -> Tensor:
        one = torch.zeros(ROWS, len(self.spec.classes), device=self.device)
        one[:, kind] = 1
        total = torch.zeros(self.spec.spaces["w"], device=self.device)
        for rows in torch.split(z, ROWS):
            total += self.mapping(rows, one[: len(rows)]).sum(dim=0)
        return total / len(z)


def agree(spec: GeneratorSpec, found: tuple[object, ...]) -> None:
    """ModelError unless height, channels, classes, layers, and the widths of z and w are those of the description."""
    told = (spec.resolution, spec.channels, len(spec.classes), spec.layers, spec.spaces["z"], spec.spaces["w"])
    if found != told:
        raise ModelError(
            f"The weights of {spec.name} make {found[0]} px pictures of {found[2]} classes in {found[3]} layers, and "
            "that is not what is said of them.",
            "Check the description against the weights.",
        )
