"""Latents as text inside an edit (base64url of little-endian float16), and operations on batches of latents."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from latentwalk.directions.direction import Direction
from latentwalk.errors import Invalid
from models.base import MOVES, Generator, SupportsStyles
from models.specs import GeneratorSpec

STYLE_ROW_SPACES = {"s": "style channels", "move": "moves"}  # spaces whose numbers follow the rows of the layers


def encode_latent(latent: Tensor) -> str:
    """A latent [D] or [layers, D] as text. Each number is rounded to float16."""
    numbers = latent.detach().cpu().to(torch.float16).contiguous().numpy()
    return base64.urlsafe_b64encode(numbers.astype("<f2").tobytes()).decode().rstrip("=")


def decode_latent(text: str, spec: GeneratorSpec) -> Tensor:
    """The latent in the output of `encode_latent`, float32 [1, D] or [1, layers, D].

    Raises Invalid where the text is malformed, holds numbers that are not finite, or does not fit the generator.
    """
    numbers = _numbers(text)
    width = spec.width
    if len(numbers) not in (width, spec.layers * width):
        layered = f" or {spec.layers} times as many" if spec.layers > 1 else ""
        raise Invalid(
            f"The latent has {len(numbers)} numbers; one of {spec.name} has {width}{layered}.",
            "Use a latent that was made for this generator.",
        )
    if not np.isfinite(numbers).all():
        raise Invalid("The latent holds numbers that are not finite.", "Invert the picture again.")
    latent = torch.from_numpy(numbers)
    return latent.reshape(1, -1) if len(numbers) == width else latent.reshape(1, spec.layers, width)


def interpolate_latents(first: str | None, second: str | None, share: float) -> str:
    """The stored latent `share` of the way from one to the other. None stands for a base that has seeds instead.

    Raises Invalid where one of the two is None, or their sizes differ.
    """
    if first is None or second is None:
        raise Invalid(
            "A walk cannot lead from a seed to an uploaded picture.", "Use seeds, or uploaded pictures, throughout."
        )
    ends = [_numbers(text) for text in (first, second)]
    if len(ends[0]) != len(ends[1]):
        raise Invalid("A walk cannot connect latents of different sizes.", "Invert both pictures the same way.")
    return encode_latent(torch.from_numpy((1 - share) * ends[0] + share * ends[1]))


def append_style_rows(latent: Tensor, generator: Generator, steps: Sequence[tuple[Direction, float]]) -> Tensor:
    """A latent [1, layers, D] with moves and style offsets in extra rows, see `models.base.SupportsStyles`.

    `steps` are directions of the spaces "move" and "s" with their latent steps; without any, the latent is returned
    unchanged. Raises Invalid where the generator has no styles, or a direction does not fit them.
    """
    if not steps:
        return latent
    if not isinstance(generator, SupportsStyles):
        raise Invalid(f"{generator.spec.name} has no styles to change.", "Choose another of its directions.")
    numbers = latent.new_zeros(MOVES + sum(generator.style_widths))
    for direction, step in steps:
        axis = direction.walk.axis()
        part = numbers[:MOVES] if direction.space == "move" else numbers[MOVES:]
        if axis is None or len(axis) != len(part):
            kind = STYLE_ROW_SPACES[direction.space]
            raise Invalid(
                f"“{direction.name}” is not for the {len(part)} {kind} of {generator.spec.name}.",
                "Learn or discover it again for this generator.",
            )
        part += step * axis.to(part)
    width = latent.shape[2]
    rows = F.pad(numbers, (0, -len(numbers) % width)).view(1, -1, width)
    return torch.cat([latent, rows], dim=1)


def limit_to_layers(latents: Tensor, moved: Tensor, layers: tuple[int, int] | None, count: int) -> Tensor:
    """Latents that move only in `layers` [first, stop) of `count` layers.

    `latents` and `moved` are [N, D], before and after. Returns `moved` where all layers move, else [N, count, D].
    """
    if layers is None or layers[1] - layers[0] == count:
        return moved
    rows = latents[:, None].repeat(1, count, 1)
    rows[:, layers[0] : layers[1]] = moved[:, None]
    return rows


def stack_latents(latents: Sequence[Tensor]) -> Tensor:
    """Latents [1, ...] of one generator as one batch. Those with fewer rows are padded with zeros, which do nothing."""
    longest = max(latent.shape[1] for latent in latents) if latents[0].ndim == 3 else 0
    return torch.cat([F.pad(one, (0, 0, 0, longest - one.shape[1])) if longest else one for one in latents])


def _numbers(text: str) -> np.ndarray:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return np.frombuffer(data, "<f2").astype(np.float32)
    except (binascii.Error, ValueError):
        raise Invalid("The latent is not base64 of 16-bit floats.", "Copy the whole edit.") from None
