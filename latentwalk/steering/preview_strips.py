"""Rows of images along a walk, for people to check a direction by eye."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import Walk
from latentwalk.latents.latent_codec import STYLE_ROW_SPACES, append_style_rows, limit_to_layers
from latentwalk.rendering.image_codec import rgb, to_pixels
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from models.base import Generator

COLUMNS = 7
PREVIEW_SHARES = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)  # of the learned limit, in the strip shown while learning


def picture_row(
    generator: Generator, walk: Walk, one: LatentBatch, steps: Sequence[float], layers: tuple[int, int] | None = None
) -> Tensor:
    """One latent at each step of a walk, side by side: uint8 [H, len(steps) * W, 3].

    `layers` limits the walk to some of the generator's layers, [first, stop).
    """
    with torch.no_grad():
        latents = one.latents.expand(len(steps), -1)
        classes = None if one.classes is None else one.classes.expand(len(steps), -1)
        moved = walk.move(latents, latents.new_tensor(list(steps)), classes)
        images = generator.synthesize(limit_to_layers(latents, moved, layers, generator.spec.layers), classes)
    return to_bytes(torch.cat(list(images), dim=2))


def preview_strip(generator: Generator, direction: Direction, count: int = 3, columns: int = COLUMNS) -> Tensor:
    """`count` held-out latents (rows) across a direction's usable range (columns): uint8 [H, W, 3]."""
    low, high = (direction.unit.coordinate(end) for end in direction.range)
    middle = columns // 2
    coordinates = [low * (middle - i) / middle for i in range(middle)] + [0.0]
    coordinates += [high * (i + 1) / middle for i in range(middle)]
    steps = [direction.curve.step(coordinate) for coordinate in coordinates]
    batch = sample_latents(generator, count, Role.EVALUATE)
    if direction.space == "z" != generator.spec.space:
        first = Role.EVALUATE.value[0]
        pairs = zip(generator.sample(list(range(first, first + count))), batch.split(1), strict=True)
        return torch.cat([_row_in_z(generator, direction, z[None], one, steps) for z, one in pairs])
    if direction.space in STYLE_ROW_SPACES:
        return torch.cat([_row_in_styles(generator, direction, one, steps) for one in batch.split(1)])
    return torch.cat([picture_row(generator, direction.walk, one, steps, direction.layers) for one in batch.split(1)])


def _row_in_z(
    generator: Generator, direction: Direction, z: Tensor, one: LatentBatch, steps: Sequence[float]
) -> Tensor:
    # The walk moves z before the mapping network.
    with torch.no_grad():
        moved = [direction.walk.move(z, z.new_tensor([step]), one.classes) for step in steps]
        images = [generator.synthesize(generator.map(latent, one.classes), one.classes)[0] for latent in moved]
    return to_bytes(torch.cat(images, dim=2))


def _row_in_styles(generator: Generator, direction: Direction, one: LatentBatch, steps: Sequence[float]) -> Tensor:
    # The walk acts on style channels or exact moves, which extra rows of the latent carry.
    layers = one.latents[:, None].repeat(1, generator.spec.layers, 1)
    with torch.no_grad():
        images = [
            generator.synthesize(append_style_rows(layers, generator, [(direction, step)]), one.classes)
            for step in steps
        ]
    return to_bytes(torch.cat([image[0] for image in images], dim=2))


def to_bytes(image: Tensor) -> Tensor:
    """An image [C, H, W] in [-1, 1] as uint8 [H, W, 3] on the CPU."""
    return torch.from_numpy(to_pixels(rgb(image[None]))[0])
