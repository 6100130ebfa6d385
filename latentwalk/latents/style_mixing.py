"""Where each layer's latent comes from: truncated in the first ones, towards a mean of choice, or another seed's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentwalk.errors import Invalid
from models.base import Generator, Mean, SupportsMeanLatents
from models.specs import GeneratorSpec


@dataclass(frozen=True, slots=True)
class StyleMixing:
    """How an edit's z becomes a latent: truncation, in the first `cutoff` layers or in all, towards a `mean`, and the
    layers [first, stop) that other seeds give (style mixing; Karras et al. 2019, section 3.1), the later seed winning.
    """

    truncation: float = 1.0
    cutoff: int | None = None
    mean: Mean = "own"
    seeds: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def check(self, spec: GeneratorSpec) -> None:
        """Invalid, with the reason, where a generator has not what this asks for."""
        if (self.seeds or self.cutoff is not None) and spec.layers == 1:
            raise Invalid(
                f"The latent of {spec.name} enters once, and not layer by layer.",
                "Leave styles and cutoff out, or pick a style-based generator.",
            )
        if self.cutoff is not None and self.cutoff > spec.layers:
            raise Invalid(f"{spec.name} has {spec.layers} layers, not {self.cutoff}.", "Choose a smaller cutoff.")
        for seed, (first, stop) in self.seeds.items():
            if not 0 <= first < stop <= spec.layers:
                raise Invalid(
                    f"Seed {seed} cannot give layers {first} to {stop}: {spec.name} has {spec.layers}.",
                    f"Use a range inside 0 to {spec.layers}.",
                )

    def mapped(self, generator: Generator, z: Tensor, classes: Tensor | None) -> Tensor:
        """The latents of z [N, ...], truncated: [N, D], or [N, layers, D] where layers differ."""
        if self.cutoff is None and self.mean == "own":
            return generator.map(z, classes, self.truncation)
        return self.truncated(generator, generator.map(z, classes), classes)

    def truncated(self, generator: Generator, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Latents [N, D] or [N, layers, D] pulled towards the mean as far as this says."""
        if self.truncation == 1:
            return latent
        middle = _middle(generator, classes, self.mean)
        if self.cutoff is None:
            middle = middle if latent.ndim == 2 else middle[:, None]
            return torch.lerp(middle.expand_as(latent), latent, self.truncation)
        rows = latent[:, None].repeat(1, generator.spec.layers, 1) if latent.ndim == 2 else latent.clone()
        first = rows[:, : self.cutoff]
        rows[:, : self.cutoff] = torch.lerp(middle[:, None].expand_as(first), first, self.truncation)
        return rows

    def mixed(self, generator: Generator, latent: Tensor, classes: Tensor | None) -> Tensor:
        """A latent [1, D] or [1, layers, D] with other seeds' layers in it."""
        if not self.seeds:
            return latent
        rows = latent[:, None].repeat(1, generator.spec.layers, 1) if latent.ndim == 2 else latent.clone()
        each = None if classes is None else classes.expand(len(self.seeds), -1)
        others = self.mapped(generator, generator.sample(list(self.seeds)), each)
        others = others[:, None].expand(-1, generator.spec.layers, -1) if others.ndim == 2 else others
        for (first, stop), other in zip(self.seeds.values(), others, strict=True):
            rows[:, first:stop] = other[first:stop]
        return rows


def _middle(generator: Generator, classes: Tensor | None, mean: Mean) -> Tensor:
    if isinstance(generator, SupportsMeanLatents):
        return generator.mean_latent(classes, mean)
    if mean != "own":
        raise Invalid(f"{generator.spec.name} has one mean latent.", "Leave the edit's mean out.")
    count = 1 if classes is None else len(classes)
    blank = torch.zeros(count, *generator.spec.spaces["z"], device=generator.device)
    return generator.map(blank, classes, 0.0)
