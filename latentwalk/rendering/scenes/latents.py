"""Latents of scenes: each number of a scene as one coordinate of z, hidden by a rotation, and back.

A generator that is taught with them has a latent space whose truth is known: for every z and toy there is the scene
that its picture should show. The numbers of a toy are spread over the normal distribution by rank, so that z drawn from
a normal distribution asks for scenes as varied as the data. Coordinates left over mean nothing, and keep the length of
z, which mapping networks divide by, independent of the scene.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from latentwalk.rendering.scenes.scene import Scene
from latentwalk.rendering.scenes.variability import draw, intervals

DIMENSIONS = 64
NAMES = tuple(sorted(intervals("ball")))  # the numbers that vary; the others are as in a scene by default
FURTHEST = 3.2  # standard deviations; numbers at the very ends of their intervals lie no farther out


def to_latents(scenes: Sequence[Scene], source: torch.Generator) -> Tensor:
    """A latent z, [scenes, DIMENSIONS], for each scene; what means nothing in it is drawn from `source`."""
    ranks = torch.rand(len(scenes), len(NAMES), generator=source)
    for row, scene in enumerate(scenes):
        spans = intervals(scene.toy)
        for column, name in enumerate(NAMES):
            low, high = spans[name].low, spans[name].high
            if high > low:
                ranks[row, column] = (getattr(scene, name) - low) / (high - low)
    numbers = (math.sqrt(2) * torch.erfinv(ranks.clamp(1e-6, 1 - 1e-6) * 2 - 1)).clamp(-FURTHEST, FURTHEST)
    rest = torch.randn(len(scenes), DIMENSIONS - len(NAMES), generator=source)
    room = (DIMENSIONS - numbers.square().sum(1, keepdim=True)).clamp_min(1e-3)
    rest = rest / rest.norm(dim=1, keepdim=True) * room.sqrt()
    z: Tensor = torch.cat([numbers, rest], dim=1) @ _rotation()
    return z


def to_scene(z: Tensor, toy: str) -> Scene:
    """The scene that a latent, [DIMENSIONS], asks for, of one toy."""
    unit = z / z.square().mean().sqrt()
    numbers = (unit @ _rotation().T)[: len(NAMES)]
    ranks = 0.5 * (1 + torch.erf(numbers / math.sqrt(2)))
    spans = intervals(toy)
    values = {
        name: spans[name].low + float(rank) * (spans[name].high - spans[name].low)
        for name, rank in zip(NAMES, ranks, strict=True)
    }
    return replace(draw(0), toy=toy, **values)


@cache
def _rotation() -> Tensor:
    # So that no single coordinate of z is a number of the scene: what steers it has to be learned.
    matrix = torch.randn(DIMENSIONS, DIMENSIONS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rotation: Tensor = torch.linalg.qr(matrix)[0].float()
    return rotation
