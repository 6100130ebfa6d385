"""Latents to learn from, to calibrate on and to judge by, drawn so that no seed is ever in two of these roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.base import Generator


class Role(Enum):
    """What latents are drawn for: each role owns a block of seeds (first, last + 1)."""

    LEARN = (0, 2**30)
    WATCH = (2**30, 2**30 + 2**28)
    CALIBRATE = (2**31, 2**31 + 2**28)
    JUDGE = (3 * 2**30, 3 * 2**30 + 2**28)


@dataclass(frozen=True, slots=True, eq=False)
class LatentBatch:
    """Latents [N, D] with their class weights [N, K] (None where there are no classes)."""

    latents: Tensor
    classes: Tensor | None

    def __len__(self) -> int:
        return len(self.latents)

    def split(self, size: int) -> Iterator[LatentBatch]:
        """The same in chunks of at most `size`, in order."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield LatentBatch(self.latents[part], None if self.classes is None else self.classes[part])


def centre(generator: Generator, drawn: LatentBatch) -> Tensor:
    """The mean latent of each one's classes, [N, D]: zero where latents are drawn from the prior themselves."""
    count = len(drawn)
    blank = torch.zeros(count, *generator.spec.spaces["z"], device=generator.device)
    return generator.map(blank, drawn.classes, 0.0)


def evenly(generator: Generator) -> Tensor | None:
    """Every class alike, weights [1, classes]: the mean condition; None where there are no classes."""
    kinds = len(generator.spec.classes)
    return torch.full((1, kinds), 1 / kinds, device=generator.device) if kinds else None


def sample_latents(
    generator: Generator, count: int, role: Role, source: torch.Generator | None = None, in_turn: bool = False
) -> LatentBatch:
    """`count` latents of the prior, each of one class drawn evenly, for one role.

    With a `source` the seeds come from it (learning: new ones at every step); without, they are the first of the
    role's block, so that two reports on the same generator judge by the same pictures. `in_turn` takes the classes
    one after another from a drawn start, so that each comes as often as any other.
    """
    first, stop = Role(role).value
    if source is None:
        seeds = list(range(first, first + count))
        source = torch.Generator().manual_seed(first)
    else:
        seeds = torch.randint(first, stop, (count,), generator=source).tolist()
    kinds = len(generator.spec.classes)
    classes = None
    if kinds:
        drawn = torch.randint(kinds, (1 if in_turn else count,), generator=source)
        drawn = (drawn + torch.arange(count)) % kinds if in_turn else drawn
        classes = one_hot(drawn, kinds).float().to(generator.device)
    return LatentBatch(generator.map(generator.sample(seeds), classes), classes)
