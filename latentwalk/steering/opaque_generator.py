"""Compositing a generator with an alpha channel on white, so that learning and regressors see what people see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from latentwalk.rendering.image_codec import rgb
from models.base import FirstLayer, Generator, Precision


def as_opaque(generator: Generator) -> Generator:
    """The generator itself, or, if its images have an alpha channel, a wrapper whose RGB images lie on white."""
    return _OnWhite(generator) if generator.spec.channels == 4 else generator


class _OnWhite:
    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.spec = replace(generator.spec, channels=3)
        self.device: torch.device = generator.device
        self.precision: Precision = generator.precision
        self.differentiable: bool = generator.differentiable

    def sample(self, seeds: Sequence[int]) -> Tensor:
        return self._generator.sample(seeds)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        return self._generator.map(z, classes, truncation)

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        return rgb(self._generator.synthesize(latent, classes))

    def at(self, precision: Precision) -> Generator:
        return as_opaque(self._generator.at(precision))

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        return self._generator.first_layer(classes)

    def input_weights(self) -> Tensor:
        return self._generator.input_weights()
