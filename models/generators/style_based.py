"""What every style-based generator's adapter does alike: z, w, w+ and S, truncation towards a mean."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol, Self, cast

import torch
from torch import Tensor, nn

from models.base import MOVES, FirstLayer, GeneratorSpec, Mean, Precision
from models.errors import ModelFailed
from models.networks.mapping import MappingNetwork

DRAWS = 4096  # z for a class's own mean
ROWS = 512  # z mapped at a time


class _Network(Protocol):
    mapping: MappingNetwork
    synthesis: nn.Module


class StyleBased:
    """A style-based generator: z [N, z] and class weights [N, K] to w [N, w], then pictures [N, C, H, W] in [-1, 1].

    Truncation pulls towards the mean w that the weights have, or another (`middle`). A latent may go on below its
    layers, as models.base.Styled says.
    """

    def __init__(self, spec: GeneratorSpec, network: nn.Module, device: torch.device | str) -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.precision: Precision = "fp32"
        network = network.eval().requires_grad_(False).to(self.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stubs do not know it
        parts = cast(_Network, network)
        self.mapping, self.synthesis = parts.mapping, parts.synthesis
        self._means: dict[int | None, Tensor] = {}

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z; drawn on the CPU, so that a seed means the same everywhere."""
        shape = self.spec.spaces["z"]
        rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, *shape, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        w: Tensor = self.mapping(z, classes)
        return w if truncation == 1 else torch.lerp(self.middle(classes).expand_as(w), w, truncation)

    def middle(self, classes: Tensor | None, mean: Mean = "own") -> Tensor:
        """The w that truncation pulls towards, [N or 1, w], for class weights [N, K].

        "own" is what the weights have: one for all classes, or one a class, mixed by the class weights (StyleGAN2-ADA's
        conditional truncation). "class" is each class's own mean, "all" one over all classes; both are drawn here.
        """
        if mean == "own" or classes is None:
            own = self.mapping.get_buffer("mean")
            return own[:1] if classes is None else classes.to(own) @ own
        if mean == "all":
            return self._drawn(None)
        kinds = classes.sum(dim=0).nonzero().flatten().tolist()
        means = torch.cat([self._drawn(kind) for kind in kinds])
        return classes[:, kinds].to(means) @ means

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
        return torch.cat(self._affines())

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def style_widths(self) -> tuple[int, ...]:
        """How many numbers each layer's style has, in the order in which S is laid out."""
        return tuple(len(weight) for weight in self._affines())

    def _affines(self) -> list[Tensor]:
        return [weight for name, weight in self.synthesis.named_parameters() if name.endswith("affine.weight")]

    def _rows(self, latent: Tensor) -> Tensor:
        rows = latent[:, None].expand(-1, self.spec.layers, -1) if latent.ndim == 2 else latent[:, : self.spec.layers]
        return rows.float()

    def _moves(self, latent: Tensor) -> Tensor | None:
        # What of a latent says where the picture is put, [N, MOVES]; None where it goes on no further than its layers.
        return self._beyond(latent)[:, :MOVES] if latent.ndim == 3 and latent.shape[1] > self.spec.layers else None

    def _changes(self, latent: Tensor) -> tuple[Tensor, ...] | None:
        # What is added to each layer's style, [N, channels] each.
        widths = self.style_widths
        beyond = self._beyond(latent)[:, MOVES:] if latent.ndim == 3 else latent[:, :0]
        return torch.split(beyond[:, : sum(widths)], list(widths), dim=1) if beyond.shape[1] >= sum(widths) else None

    def _beyond(self, latent: Tensor) -> Tensor:
        return latent[:, self.spec.layers :].flatten(1).float()

    @torch.no_grad()
    def _drawn(self, kind: int | None) -> Tensor:
        # The mean w [1, w] of one class, or of all in turn; drawn once, from the first seeds.
        if kind not in self._means:
            z = self.sample(range(DRAWS))
            turns = torch.arange(DRAWS) % len(self.spec.classes) if kind is None else torch.full((DRAWS,), kind)
            total = torch.zeros(1, *self.spec.spaces["w"], device=self.device)
            for start in range(0, DRAWS, ROWS):
                one = torch.zeros(ROWS, len(self.spec.classes), device=self.device)
                one.scatter_(1, turns[start : start + ROWS, None].to(self.device), 1.0)
                total += self.mapping(z[start : start + ROWS], one).sum(dim=0)
            self._means[kind] = total / DRAWS
        return self._means[kind]


def agree(spec: GeneratorSpec, found: tuple[object, ...]) -> None:
    """ModelFailed unless height, channels, classes, layers, and the widths of z and w are those of the description."""
    told = (spec.resolution, spec.channels, len(spec.classes), spec.layers, spec.spaces["z"], spec.spaces["w"])
    if found != told:
        raise ModelFailed(
            f"The weights of {spec.name} make {found[0]} px pictures of {found[2]} classes in {found[3]} layers, and "
            "that is not what is said of them.",
            "Check the description against the weights.",
        )
