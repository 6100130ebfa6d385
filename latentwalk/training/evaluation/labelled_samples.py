"""Labelled pictures drawn from anything that can draw them, kept in 8 bits as an export would keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.rendering.image_codec import to_pixels

CHUNK = 64  # pictures drawn between two reports


class Sampler(Protocol):
    """A source of pictures, real or made: the same three numbers give the same pictures."""

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` pictures of class `kind`, float32 [count, C, H, W] in [-1, 1]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSamples:
    """Pictures uint8 [N, C, H, W] and their class numbers int64 [N], class after class."""

    pictures: Tensor
    kinds: Tensor

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def side(self) -> int:
        return int(self.pictures.shape[-1])

    def at(self, rows: Tensor) -> Tensor:
        """Some of the pictures, float32 in [-1, 1]."""
        return floats(self.pictures[rows])


def floats(pictures: Tensor) -> Tensor:
    """8-bit pictures as float32 in [-1, 1]."""
    return pictures.float() / 127.5 - 1


def quantised(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as uint8 of the same shape, rounded exactly as an exported picture is.

    A classifier would otherwise learn that one side has values between the steps and the other has not.
    """
    return torch.from_numpy(to_pixels(images)).permute(0, 3, 1, 2).contiguous()


def gather(sampler: Sampler, counts: Sequence[int], seed: int, what: str = "pictures") -> Work[LabelledSamples]:
    """Draw `counts[k]` pictures of every class k. Every chunk of every class has a seed of its own.

    Invalid where nothing is asked for or a sampler answers with the wrong number of pictures.
    """
    whole = sum(counts)
    if whole < 1:
        raise Invalid("No pictures were asked for.", "Ask for at least one of some class.")
    parts, done = [], 0
    for kind, count in enumerate(counts):
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            with torch.no_grad():
                images = sampler(size, kind, mixed(seed, kind, start))
            if len(images) != size:
                raise Invalid(f"{size} {what} were asked for and {len(images)} came.", "See the sampler's promise.")
            parts.append(quantised(images))
            done += size
            yield Progress(done / whole, f"{done:,} of {whole:,} {what} drawn")
    kinds = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(list(counts)))
    return LabelledSamples(torch.cat(parts), kinds)


def mixed(*numbers: int | str) -> int:
    """One seed below 2**32 from several numbers: torch's CPU source reads no more bits than that of a larger one."""
    return int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:4])
