"""Labelled images drawn from any sampler, stored with 8 bits as an exported file would be."""

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

CHUNK = 64  # images per progress report


class Sampler(Protocol):
    """A source of real or generated images; the same three numbers always give the same images."""

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        """`count` images of class index `kind`, float32 [count, C, H, W] in [-1, 1]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSamples:
    """Images uint8 [N, C, H, W] and their class indices int64 [N], class by class."""

    images: Tensor
    kinds: Tensor

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def side(self) -> int:
        """The image side in pixels."""
        return int(self.images.shape[-1])

    def at(self, rows: Tensor) -> Tensor:
        """The images of some rows, float32 in [-1, 1]."""
        return to_float(self.images[rows])


def to_float(images: Tensor) -> Tensor:
    """8-bit images as float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def quantise(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as uint8 of the same shape, rounded exactly as an exported image is.

    Otherwise a classifier could learn that one source has values between the 8-bit steps and the other has not.
    """
    return torch.from_numpy(to_pixels(images)).permute(0, 3, 1, 2).contiguous()


def gather(sampler: Sampler, counts: Sequence[int], seed: int, what: str = "pictures") -> Work[LabelledSamples]:
    """Draw `counts[k]` images of every class k; every chunk of every class has its own seed.

    `what` names the images in progress messages. Raises Invalid if no images are requested or if the sampler returns
    a wrong number of them.
    """
    total = sum(counts)
    if total < 1:
        raise Invalid("No pictures were requested.", "Request at least one of some class.")
    parts, count_so_far = [], 0
    for kind, count in enumerate(counts):
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            with torch.no_grad():
                images = sampler(size, kind, mix_seed(seed, kind, start))
            if len(images) != size:
                raise Invalid(
                    f"The sampler returned {len(images)} of {size} {what}.",
                    "A sampler must return as many as requested.",
                )
            parts.append(quantise(images))
            count_so_far += size
            yield Progress(count_so_far / total, f"Drew {count_so_far:,} of {total:,} {what}")
    kinds = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(list(counts)))
    return LabelledSamples(torch.cat(parts), kinds)


def mix_seed(*parts: int | str) -> int:
    """One seed below 2**32 from several numbers and names; torch's CPU generator reads no more bits of a seed."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4])
