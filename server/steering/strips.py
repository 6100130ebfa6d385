"""Rows of pictures along a walk: what one looks at before believing a figure."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.base import Generator
from server.codecs import pixels
from server.directions import Direction
from server.steering.draws import Drawn, Role, draw
from server.walks import Walk

COLUMNS = 7


def row(generator: Generator, walk: Walk, one: Drawn, steps: Sequence[float]) -> Tensor:
    """One latent at each step of a walk, side by side: uint8 [H, len(steps) * W, 3]."""
    with torch.no_grad():
        latents = one.latents.expand(len(steps), -1)
        classes = None if one.classes is None else one.classes.expand(len(steps), -1)
        moved = walk.move(latents, latents.new_tensor(list(steps)), classes)
        images = generator.synthesize(moved, classes)
    return to_bytes(torch.cat(list(images), dim=2))


def strip(generator: Generator, direction: Direction, count: int = 3, columns: int = COLUMNS) -> Tensor:
    """`count` held-out latents (rows) across a direction's usable range (columns): uint8 [H, W, 3]."""
    low, high = (direction.unit.coordinate(end) for end in direction.range)
    middle = columns // 2
    coordinates = [low * (middle - i) / middle for i in range(middle)] + [0.0]
    coordinates += [high * (i + 1) / middle for i in range(middle)]
    steps = [direction.curve.step(coordinate) for coordinate in coordinates]
    drawn = draw(generator, count, Role.JUDGE)
    return torch.cat([row(generator, direction.walk, one, steps) for one in drawn.split(1)])


def to_bytes(image: Tensor) -> Tensor:
    """An image [3, H, W] in [-1, 1] as uint8 [H, W, 3] on the CPU."""
    return torch.from_numpy(pixels(image[None])[0])
