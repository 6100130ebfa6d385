"""What the generators of all style-based networks share: latents in z, w, w+ and S, and truncation towards a mean."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol, Self, cast

import torch
from torch import Tensor, nn

from models.base import MOVES, FirstLayer, Mean, Precision
from models.errors import ModelFailed
from models.networks.mapping import MappingNetwork
from models.specs import GeneratorSpec

MEAN_SAMPLES = 4096  # z averaged for the mean of one class
MAPPING_BATCH = 512  # z mapped at a time


class _Network(Protocol):
    mapping: MappingNetwork
    synthesis: nn.Module


class StyleBased:
    """A style-based generator: z [N, z] and class weights [N, K] to w [N, w], then to images [N, C, H, W] in [-1, 1].

    Truncation pulls w towards the mean stored in the weights, or towards another one (`mean_latent`). A latent may
    have extra rows below its layers, as models.base.SupportsStyles describes.
    """

    differentiable = True

    def __init__(self, spec: GeneratorSpec, network: nn.Module, device: torch.device | str) -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.precision: Precision = "fp32"
        network = network.eval().requires_grad_(False).to(self.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs
        parts = cast(_Network, network)
        self.mapping, self.synthesis = parts.mapping, parts.synthesis
        self._means: dict[int | None, Tensor] = {}

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z, sampled on the CPU so that a seed gives the same z on every device."""
        shape = self.spec.spaces["z"]
        rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, *shape, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """w [N, w] of z, truncated towards the mean that the weights hold."""
        w: Tensor = self.mapping(z, classes)
        return w if truncation == 1 else torch.lerp(self.mean_latent(classes).expand_as(w), w, truncation)

    def mean_latent(self, classes: Tensor | None, mean: Mean = "own") -> Tensor:
        """The w that truncation pulls towards, [N or 1, w], for class weights [N, K].

        "own" is stored in the weights: one for all classes, or one per class, mixed by the class weights
        (StyleGAN2-ADA's conditional truncation). "class" mixes the mean of each class, "all" is one mean over all
        classes; both are estimated here from the first 4096 seeds and cached.
        """
        if mean == "own" or classes is None:
            own = self.mapping.get_buffer("mean")
            return own[:1] if classes is None else classes.to(own) @ own
        if mean == "all":
            return self._estimated_mean(None)
        indices = classes.sum(dim=0).nonzero().flatten().tolist()
        means = torch.cat([self._estimated_mean(index) for index in indices])
        return classes[:, indices].to(means) @ means

    def at(self, precision: Precision) -> Self:
        """A copy that computes in `precision`; itself if it already does."""
        if precision == self.precision:
            return self
        # Weights stay in float32: each is scaled first and cast after that, and the cast costs little.
        twin = copy.copy(self)
        twin.precision = precision
        return twin

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: w enters at every layer, and no feature map is linear in it."""
        return None

    def input_weights(self) -> Tensor:
        """The affine weights [M, w] of every layer's style, stacked: the layers that w enters first."""
        return torch.cat(self._affine_weights())

    @property
    def style_widths(self) -> tuple[int, ...]:
        """The number of style values of each layer, in the order in which S is laid out."""
        return tuple(len(weight) for weight in self._affine_weights())

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    def _affine_weights(self) -> list[Tensor]:
        return [weight for name, weight in self.synthesis.named_parameters() if name.endswith("affine.weight")]

    def _layer_latents(self, latent: Tensor) -> Tensor:
        """One w per layer, [N, layers, w], of a latent of any accepted shape."""
        rows = latent[:, None].expand(-1, self.spec.layers, -1) if latent.ndim == 2 else latent[:, : self.spec.layers]
        return rows.float()

    def _moves(self, latent: Tensor) -> Tensor | None:
        """Where a latent places the image, [N, MOVES]; None if it has no extra rows."""
        has_extra_rows = latent.ndim == 3 and latent.shape[1] > self.spec.layers
        return self._extra_values(latent)[:, :MOVES] if has_extra_rows else None

    def _style_offsets(self, latent: Tensor) -> tuple[Tensor, ...] | None:
        """What a latent adds to each layer's style, [N, channels] each; None if it has no such values."""
        widths = self.style_widths
        values = self._extra_values(latent)[:, MOVES:] if latent.ndim == 3 else latent[:, :0]
        return torch.split(values[:, : sum(widths)], list(widths), dim=1) if values.shape[1] >= sum(widths) else None

    def _extra_values(self, latent: Tensor) -> Tensor:
        return latent[:, self.spec.layers :].flatten(1).float()

    @torch.no_grad()
    def _estimated_mean(self, index: int | None) -> Tensor:
        """The mean w [1, w] of one class, or over all classes in turn for None."""
        if index not in self._means:
            z = self.sample(range(MEAN_SAMPLES))
            count = len(self.spec.classes)
            labels = torch.arange(MEAN_SAMPLES) % count if index is None else torch.full((MEAN_SAMPLES,), index)
            total = torch.zeros(1, *self.spec.spaces["w"], device=self.device)
            for start in range(0, MEAN_SAMPLES, MAPPING_BATCH):
                one_hot = torch.zeros(MAPPING_BATCH, count, device=self.device)
                one_hot.scatter_(1, labels[start : start + MAPPING_BATCH, None].to(self.device), 1.0)
                total += self.mapping(z[start : start + MAPPING_BATCH], one_hot).sum(dim=0)
            self._means[index] = total / MEAN_SAMPLES
        return self._means[index]


def check_spec(spec: GeneratorSpec, actual: tuple[object, ...]) -> None:
    """Raise ModelFailed unless (height, channels, classes, layers, z shape, w shape) are those of `spec`."""
    described = (spec.resolution, spec.channels, len(spec.classes), spec.layers, spec.spaces["z"], spec.spaces["w"])
    if actual != described:
        raise ModelFailed(
            f"The weights of {spec.name} make {actual[0]} px images of {actual[2]} classes in {actual[3]} layers, "
            "which is not what its description says.",
            "Check the description against the weights.",
        )
