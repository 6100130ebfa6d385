"""Baselines for a learned direction: random, closed-form and principal directions with steps of the same length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.latents.latent_codec import limit_to_layers
from latentwalk.progress import Progress, Work
from latentwalk.steering.closed_form import closed_form_walk
from latentwalk.steering.discovery import principal
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.loss import masked_error
from latentwalk.steering.transforms import Transform
from models.base import Generator

LATENTS = 32
CHUNK = 16
RANDOM = 4
COMPONENTS = 8
SAMPLES = 512


@dataclass(frozen=True, slots=True)
class BaselineErrors:
    """Masked errors at half the requested range; None where there is no such direction.

    `random` is the mean of random directions, `pca` the best principal component with the better of its two signs.
    """

    random: float
    closed_form: float | None
    pca: float | None


def baselines(generator: Generator, direction: Direction, transform: Transform) -> Work[BaselineErrors]:
    """The errors of other directions, each with steps as long as the direction's own."""
    noise = torch.randn(RANDOM, generator.spec.width, generator=torch.Generator().manual_seed(direction.seed))
    random = [vector / vector.norm() for vector in noise.to(generator.device)]
    with torch.no_grad():
        closed_form = closed_form_walk(generator, transform)
        components = list(principal(generator, COMPONENTS, samples=SAMPLES))
    yield Progress(0.82, "Measuring baselines")
    signed = [*components, *(-vector for vector in components)]
    vectors = [*random, *([] if closed_form is None else [closed_form]), *signed]
    errors = [0.0] * len(vectors)
    batch = sample_latents(generator, LATENTS, Role.EVALUATE)
    count = 0
    for chunk in batch.split(CHUNK):
        with torch.no_grad():
            originals = generator.synthesize(chunk.latents, chunk.classes)
        for index, vector in enumerate(vectors):
            with torch.no_grad():
                error = _error(generator, direction, transform, chunk, originals, vector)
            errors[index] += float(error.sum()) / LATENTS
            count += len(chunk)
            yield Progress(0.82 + 0.18 * count / (LATENTS * len(vectors)), "Measuring baselines")
    after = RANDOM + (closed_form is not None)
    return BaselineErrors(
        sum(errors[:RANDOM]) / RANDOM,
        None if closed_form is None else errors[RANDOM],
        min(errors[after:]) if signed else None,
    )


def _error(
    generator: Generator, direction: Direction, transform: Transform, chunk: LatentBatch, originals: Tensor,
    vector: Tensor,
) -> Tensor:  # fmt: skip
    # At half the requested range to both sides, with a step as long as the learned walk takes there.
    limit = direction.unit.coordinate(transform.limits(generator.spec.resolution)[1])
    full = float(direction.settings["full_step"])
    errors = []
    for sign in (-0.5, 0.5):
        learned = direction.walk.move(chunk.latents, chunk.latents.new_full((len(chunk),), sign * full))
        length = (learned - chunk.latents).norm(dim=1, keepdim=True)
        target, mask = transform(originals, originals.new_full((len(chunk),), sign * limit))
        moved = chunk.latents + (1 if sign > 0 else -1) * length * vector
        moved = limit_to_layers(chunk.latents, moved, direction.layers, generator.spec.layers)
        errors.append(masked_error(generator.synthesize(moved, chunk.classes), target, mask))
    return torch.stack(errors).mean(dim=0)
