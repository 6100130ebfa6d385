"""The protocol that every generator implements, batch first, and the optional protocols that some implement as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from models.specs import GeneratorSpec

Precision = Literal["fp32", "bf16"]
Mean = Literal["own", "class", "all"]
MOVES = 3  # values that place an image: shift right and shift down as shares of its side, clockwise turn in degrees


@dataclass(frozen=True, slots=True, eq=False)
class FirstLayer:
    """The first step of a generator whose first step is linear: latent -> feature map `weight @ latent + bias`.

    `weight` is [C*H*W, D] for latents of D values, `shape` is (C, H, W), and `bias` [C*H*W] is the map at latent zero,
    classes included. Closed-form directions are computed from it.
    """

    weight: Tensor
    bias: Tensor
    shape: tuple[int, int, int]


@runtime_checkable
class Generator(Protocol):
    """Maps latents to images. The same seed gives the same latent on any device.

    `differentiable` is True if gradients flow from the images back to the latents.
    """

    spec: GeneratorSpec
    device: torch.device
    precision: Precision
    differentiable: bool

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """One z per seed, float32 [N, *spec.spaces["z"]], sampled from the model's prior."""
        ...

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """Latents in `spec.space` for z: w = mean + truncation * (w(z) - mean).

        Without a mapping network, z scaled by `truncation`. `classes` are weights [N, len(spec.classes)] that sum to 1,
        None for an unconditional model.
        """
        ...

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images of latents [N, D] in `spec.space`, in the same order: float32 [N, channels, H, W] in [-1, 1].

        A model whose latent enters at several layers also accepts one latent per layer, [N, layers, D].
        """
        ...

    def at(self, precision: Precision) -> Generator:
        """This generator computing in `precision`; returns itself if it already does."""
        ...

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """The linear first step under class weights [1, classes]; None if the first step is not linear."""
        ...

    def input_weights(self) -> Tensor:
        """The weights [M, D] of every layer that a latent of `spec.space` enters first, stacked (SeFa's matrix A)."""
        ...


@runtime_checkable
class SupportsMeanLatents(Protocol):
    """A generator that can truncate towards more than one mean latent."""

    def mean_latent(self, classes: Tensor | None, mean: Mean = "own") -> Tensor:
        """The mean [N or 1, D]: stored in the weights ("own"), mixed by class weights [N, K] ("class"), or overall."""
        ...


@runtime_checkable
class SupportsStyles(Protocol):
    """A generator whose latents [N, layers, D] may continue in rows that move the image and change its styles.

    The extra rows, flattened, are `MOVES` values, then offsets to the styles (the space S) layer by layer, then zeros.
    """

    @property
    def style_widths(self) -> tuple[int, ...]:
        """The number of style values of each layer."""
        ...

    def style_vector(self, latent: Tensor) -> Tensor:
        """The styles of latents [N, D] or [N, rows, D], concatenated layer by layer: [N, sum(style_widths)]."""
        ...

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images, as `Generator.synthesize`."""
        ...


@runtime_checkable
class SupportsSmallerOutput(Protocol):
    """A generator whose early blocks already output images, at lower resolutions."""

    @property
    def output_heights(self) -> tuple[int, ...]:
        """The heights of the images it can output, in pixels, ascending; the last is `spec.resolution`."""
        ...

    def at_height(self, height: int) -> Generator:
        """A copy that stops at the block whose images are `height` pixels high."""
        ...
