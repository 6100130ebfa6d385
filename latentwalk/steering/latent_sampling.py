"""Latents for training, validation, calibration and evaluation, drawn so that no seed ever has two of these roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.base import Generator


class Role(Enum):
    """What latents are for; the value is the half-open range of seeds reserved for it."""

    TRAIN = (0, 2**30)
    VALIDATE = (2**30, 2**30 + 2**28)
    CALIBRATE = (2**31, 2**31 + 2**28)
    EVALUATE = (3 * 2**30, 3 * 2**30 + 2**28)


@dataclass(frozen=True, slots=True, eq=False)
class LatentBatch:
    """Latents [N, D] with their class weights [N, K] (None for a generator without classes)."""

    latents: Tensor
    classes: Tensor | None

    def __len__(self) -> int:
        return len(self.latents)

    def split(self, size: int) -> Iterator[LatentBatch]:
        """Chunks of at most `size` latents, in order."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield LatentBatch(self.latents[part], None if self.classes is None else self.classes[part])


def class_means(generator: Generator, batch: LatentBatch) -> Tensor:
    """The mean latent of each latent's classes, [N, D]; zero if latents are drawn from the prior itself."""
    zeros = torch.zeros(len(batch), *generator.spec.spaces["z"], device=generator.device)
    return generator.map(zeros, batch.classes, 0.0)


def uniform_classes(generator: Generator) -> Tensor | None:
    """Class weights [1, K] that weigh every class alike; None for a generator without classes."""
    count = len(generator.spec.classes)
    return torch.full((1, count), 1 / count, device=generator.device) if count else None


def class_indices(batch: LatentBatch) -> Tensor:
    """The index of each latent's strongest class [N], on the CPU; zeros where there are no classes."""
    if batch.classes is None:
        return torch.zeros(len(batch), dtype=torch.long)
    return batch.classes.argmax(dim=1).cpu()


def sample_latents(
    generator: Generator, count: int, role: Role, source: torch.Generator | None = None, balanced: bool = False
) -> LatentBatch:
    """`count` latents of the prior for one role, each of one class.

    With a `source`, seeds are drawn from it (training: new ones at every step). Without one, they are the first of
    the role's range, so that two reports on the same generator use the same images. `balanced` cycles through the
    classes from a random start, so that each comes equally often; otherwise classes are drawn uniformly.
    """
    first, stop = role.value
    if source is None:
        seeds = list(range(first, first + count))
        source = torch.Generator().manual_seed(first)
    else:
        seeds = torch.randint(first, stop, (count,), generator=source).tolist()
    kinds = len(generator.spec.classes)
    classes = None
    if kinds:
        indices = torch.randint(kinds, (1 if balanced else count,), generator=source)
        indices = (indices + torch.arange(count)) % kinds if balanced else indices
        classes = one_hot(indices, kinds).float().to(generator.device)
    return LatentBatch(generator.map(generator.sample(seeds), classes), classes)
