"""Adapters that turn networks, generators and real images into Samplers and Synthesizers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentwalk.errors import Invalid
from models.base import Generator
from models.catalogue.hashing import fingerprint
from models.networks.stylegan2 import StyleGAN2Network


class _LatentSampler(ABC):
    # What a network and a generator have in common: sampling w of given or random classes, and its images.
    side: int
    w: int
    fingerprint: str
    class_count: int

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` images [count, C, side, side] of class index `kind`, which is ignored if there are no classes."""
        source = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            return self.synthesize(self._latents(torch.full((count,), kind), source)).clamp(-1, 1)

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """Latents w [count, w] with classes drawn uniformly."""
        kinds = torch.randint(max(self.class_count, 1), (count,), generator=source)
        with torch.no_grad():
            return self._latents(kinds, source)

    @abstractmethod
    def synthesize(self, latents: Tensor) -> Tensor:
        """Images of latents w [N, w], which include their class; differentiable."""

    @abstractmethod
    def _latents(self, kinds: Tensor, source: torch.Generator) -> Tensor: ...


class NetworkSampler(_LatentSampler):
    """A network in training as a Sampler and a Synthesizer, at its full side or a smaller one.

    `truncation` below 1 moves w towards its class's mean.
    """

    def __init__(self, network: StyleGAN2Network, side: int | None = None, truncation: float = 1.0) -> None:
        self.network = network.eval().requires_grad_(False)
        self.device = network.synthesis.start.device
        self.side = side or network.config.resolution
        self.blocks = round(math.log2(self.side)) - 1
        self.truncation, self.w, self.class_count = truncation, network.config.w, network.config.classes
        self.fingerprint = fingerprint(network.state_dict())

    def synthesize(self, latents: Tensor) -> Tensor:
        """Images of latents w [N, w], not clamped; differentiable."""
        styles = latents[:, None].expand(-1, self.network.config.layers, -1)
        images: Tensor = self.network.synthesis(styles, self.blocks)
        return images

    def _latents(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        classes = self.network.config.classes
        z = torch.randn(len(kinds), self.network.config.z, generator=source).to(self.device)
        kinds = kinds.to(self.device)
        w: Tensor = self.network.mapping(z, one_hot(kinds, classes).float() if classes else None)
        if self.truncation == 1:
            return w
        mean = self.network.mapping.get_buffer("mean")[kinds if classes else torch.zeros_like(kinds)]
        return torch.lerp(mean, w, self.truncation)


class GeneratorSampler(_LatentSampler):
    """A generator with a mapping network as a Sampler and a Synthesizer. Raises Invalid for one without."""

    def __init__(self, generator: Generator, truncation: float = 1.0) -> None:
        spec = generator.spec
        if spec.space != "w" or len(spec.spaces["w"]) != 1:
            raise Invalid(f"{spec.name} has no latents w.", "Choose a generator with a mapping network.")
        self.generator, self.truncation, self.class_count = generator, truncation, len(spec.classes)
        self.side, self.w, self.fingerprint = spec.resolution, spec.spaces["w"][0], spec.fingerprint

    def synthesize(self, latents: Tensor) -> Tensor:
        """Images of latents w [N, w]; differentiable."""
        return self.generator.synthesize(latents, None)

    def _latents(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        spec = self.generator.spec
        z = torch.randn(len(kinds), *spec.spaces["z"], generator=source).to(self.generator.device)
        classes = one_hot(kinds, len(spec.classes)).float().to(z) if spec.classes else None
        return self.generator.map(z, classes, self.truncation)


class RealSampler(Protocol):
    """Real images of given classes, such as one part of the avatars."""

    def of(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        """One image for each class index: [N, C, H, W] in [-1, 1] for [N]."""
        ...


class FreshRealSampler:
    """Real images as a Sampler: the seed selects them."""

    def __init__(self, images: RealSampler) -> None:
        self._images = images

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` images of class index `kind`."""
        return self._images.of(torch.full((count,), kind), torch.Generator().manual_seed(seed))
