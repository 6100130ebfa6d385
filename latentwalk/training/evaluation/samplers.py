"""Networks, generators and real pictures as what measures and encoders ask for: a Sampler and a Painter."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentwalk.errors import Invalid
from models.base import Generator
from models.hashing import fingerprint
from models.networks.stylegan2 import StyleGAN2Network


class NetworkSampler:
    """The pictures a network makes, at its full side or at a smaller one it was trained for so far.

    An instance is a Sampler (`count`, `kind`, `seed`) and a Painter (`draw`, `paint`). `truncation` below 1 draws w
    towards its class's mean.
    """

    def __init__(self, network: StyleGAN2Network, side: int | None = None, truncation: float = 1.0) -> None:
        self.network = network.eval().requires_grad_(False)
        self.device = network.synthesis.start.device
        self.side = side or network.config.resolution
        self.blocks = round(math.log2(self.side)) - 1
        self.truncation, self.w = truncation, network.config.w
        self.fingerprint = fingerprint(network.state_dict())

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` pictures [count, C, side, side] of class `kind`; a network without classes ignores it."""
        source = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            return self.paint(self._latents(torch.full((count,), kind), source)).clamp(-1, 1)

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """Latents w [count, w], classes alike in number."""
        kinds = torch.randint(max(self.network.config.classes, 1), (count,), generator=source)
        with torch.no_grad():
            return self._latents(kinds, source)

    def paint(self, latents: Tensor) -> Tensor:
        """Pictures of latents w [N, w]; gradients flow back to them."""
        styles = latents[:, None].expand(-1, self.network.config.layers, -1)
        pictures: Tensor = self.network.synthesis(styles, self.blocks)
        return pictures

    def _latents(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        classes = self.network.config.classes
        z = torch.randn(len(kinds), self.network.config.z, generator=source).to(self.device)
        kinds = kinds.to(self.device)
        w: Tensor = self.network.mapping(z, one_hot(kinds, classes).float() if classes else None)
        if self.truncation == 1:
            return w
        mean = self.network.mapping.get_buffer("mean")[kinds if classes else torch.zeros_like(kinds)]
        return torch.lerp(mean, w, self.truncation)


class GeneratorSampler:
    """Any generator with a mapping network as a Sampler and a Painter, under the fingerprint it is kept by."""

    def __init__(self, generator: Generator, truncation: float = 1.0) -> None:
        spec = generator.spec
        if spec.space != "w" or len(spec.spaces["w"]) != 1:
            raise Invalid(f"{spec.name} has no latents w.", "Choose a generator with a mapping network.")
        self.generator, self.truncation = generator, truncation
        self.side, self.w, self.fingerprint = spec.resolution, spec.spaces["w"][0], spec.fingerprint

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` pictures [count, C, side, side] of class `kind`; a generator without classes ignores it."""
        source = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            return self.paint(self._latents(torch.full((count,), kind), source))

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """Latents w [count, w], classes alike in number."""
        kinds = torch.randint(max(len(self.generator.spec.classes), 1), (count,), generator=source)
        with torch.no_grad():
            return self._latents(kinds, source)

    def paint(self, latents: Tensor) -> Tensor:
        """Pictures of latents w [N, w] of any class: w has its class in it."""
        return self.generator.synthesize(latents, None)

    def _latents(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        spec = self.generator.spec
        z = torch.randn(len(kinds), *spec.spaces["z"], generator=source).to(self.generator.device)
        classes = one_hot(kinds, len(spec.classes)).float().to(z) if spec.classes else None
        return self.generator.map(z, classes, self.truncation)


class RealSampler(Protocol):
    """Real pictures of wanted classes, such as avatars drawn from one part of the drawings."""

    def of(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        """One fresh picture [N, C, H, W] in [-1, 1] for each class number [N]."""
        ...


class FreshRealSampler:
    """Real pictures as a Sampler."""

    def __init__(self, pictures: RealSampler) -> None:
        self.pictures = pictures

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` fresh pictures of class `kind`."""
        return self.pictures.of(torch.full((count,), kind), torch.Generator().manual_seed(seed))
