"""Validation of a walk on held-out latents, whose loss decides which parameters are kept and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch

CHUNK = 8  # images per chunk: short enough that sliders stay live in between

Target = TypeVar("Target")


class Objective(Protocol[Target]):
    """What a walk is fitted to. A share in [-1, 1] is a fraction of the largest requested change."""

    def sample(self, count: int, source: torch.Generator) -> LatentBatch:
        """Training latents drawn from `source`."""
        ...

    def target(self, chunk: LatentBatch, shares: Tensor) -> Target:
        """What the chunk should become at its shares [N]; called without gradients."""
        ...

    def losses(self, walk: Walk, chunk: LatentBatch, shares: Tensor, target: Target) -> Tensor:
        """The loss of each latent [N] when it is moved by its share; differentiable in the walk's tensors."""
        ...

    def preview(self, walk: Walk, one: LatentBatch) -> Tensor:
        """One latent along the walk: uint8 [H, 7 W, 3]."""
        ...


class Validation(Generic[Target]):
    """The mean loss over fixed held-out latents and shares [N]; their targets are computed once."""

    def __init__(self, objective: Objective[Target], latents: LatentBatch, shares: Tensor) -> None:
        self._objective, self._latents, self._shares = objective, latents, shares
        self._targets: list[Target] = []

    def loss(self, walk: Walk, report: Callable[[], Progress]) -> Work[float]:
        """The mean loss of a walk; yields `report()` after every chunk."""
        total = 0.0
        for index, chunk in enumerate(self._latents.split(CHUNK)):
            shares = self._shares[index * CHUNK : index * CHUNK + len(chunk)]
            with torch.no_grad():
                if index == len(self._targets):
                    self._targets.append(self._objective.target(chunk, shares))
                total += float(self._objective.losses(walk, chunk, shares, self._targets[index]).sum())
            yield report()
        return total / len(self._latents)

    def preview(self, walk: Walk) -> Tensor:
        """The first held-out latent along the walk: uint8 [H, 7 W, 3]."""
        return self._objective.preview(walk, next(self._latents.split(1)))
