"""Latents written into an edit: base64url of little-endian float16, so that an edit still says all there is to say."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import torch
from torch import Tensor

from models.base import GeneratorSpec
from server.errors import Invalid

LONGEST = 64 * 1024  # characters: 18 layers of 512 numbers are 24,576


def packed(latent: Tensor) -> str:
    """A latent [D] or [layers, D] as text; the nearest float16 of each number is kept."""
    numbers = latent.detach().cpu().to(torch.float16).contiguous().numpy()
    return base64.urlsafe_b64encode(numbers.astype("<f2").tobytes()).decode().rstrip("=")


def unpacked(text: str, spec: GeneratorSpec) -> Tensor:
    """The latent [1, D], or [1, layers, D], that `packed` wrote; Invalid where it is none of this generator's."""
    numbers = _numbers(text)
    width = spec.width
    if len(numbers) not in (width, spec.layers * width):
        layered = f", or {spec.layers} times as many" if spec.layers > 1 else ""
        raise Invalid(
            f"That latent has {len(numbers)} numbers, and one of {spec.name} has {width}{layered}.",
            "It was made for another generator.",
        )
    if not np.isfinite(numbers).all():
        raise Invalid("That latent holds numbers that are not finite.", "Make the picture's latent again.")
    latent = torch.from_numpy(numbers)
    return latent.reshape(1, -1) if len(numbers) == width else latent.reshape(1, spec.layers, width)


def between(first: str | None, second: str | None, share: float) -> str:
    """The latent `share` of the way from one to the other, both as text; None is a base that has seeds instead."""
    if first is None or second is None:
        raise Invalid(
            "A walk cannot lead from a seed to an uploaded picture.", "Use seeds, or uploaded pictures, throughout."
        )
    ends = [_numbers(text) for text in (first, second)]
    if len(ends[0]) != len(ends[1]):
        raise Invalid("A walk cannot lead from a latent to one of another size.", "Make both in the same way.")
    return packed(torch.from_numpy((1 - share) * ends[0] + share * ends[1]))


def _numbers(text: str) -> np.ndarray:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return np.frombuffer(data, "<f2").astype(np.float32)
    except (binascii.Error, ValueError):
        raise Invalid("That latent is not base64 of 16-bit floats.", "Copy the edit whole.") from None
