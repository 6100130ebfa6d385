"""What else could have moved the pictures: random, closed-form and principal directions of the same length."""

from __future__ import annotations

from collections.abc import Mapping

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


def baselines(generator: Generator, direction: Direction, transform: Transform) -> Work[Mapping[str, float | None]]:
    """Masked errors at half the asked range, each with steps as long as the direction's own: the mean of random
    directions, the closed form (None where there is none) and the best principal component, its sign chosen for it.
    """
    width = generator.spec.width
    noise = torch.randn(RANDOM, width, generator=torch.Generator().manual_seed(direction.seed))
    random = [vector / vector.norm() for vector in noise.to(generator.device)]
    with torch.no_grad():
        solved = closed_form_walk(generator, transform)
        components = list(principal(generator, COMPONENTS, samples=SAMPLES))
    yield Progress(0.82, "Measuring baselines")
    signed = [*components, *(-vector for vector in components)]
    vectors = [*random, *([] if solved is None else [solved]), *signed]
    totals = [0.0] * len(vectors)
    drawn = sample_latents(generator, LATENTS, Role.JUDGE)
    for index, vector in enumerate(vectors):
        for chunk in drawn.split(CHUNK):
            with torch.no_grad():
                totals[index] += float(_error(generator, direction, transform, chunk, vector).sum()) / LATENTS
            yield Progress(0.82 + 0.18 * index / len(vectors), "Measuring baselines")
    after = RANDOM + (solved is not None)
    return {
        "random": sum(totals[:RANDOM]) / RANDOM,
        "closed_form": None if solved is None else totals[RANDOM],
        "pca": min(totals[after:]) if signed else None,
    }


def _error(
    generator: Generator, direction: Direction, transform: Transform, chunk: LatentBatch, vector: Tensor
) -> Tensor:
    # At half the asked range on both sides, as long a step as the learned walk itself takes there.
    originals = generator.synthesize(chunk.latents, chunk.classes)
    limit = direction.unit.coordinate(transform.limits(generator.spec.resolution)[1])
    full = float(direction.settings["full_step"])
    errors = []
    for sign in (-0.5, 0.5):
        moved = direction.walk.move(chunk.latents, chunk.latents.new_full((len(chunk),), sign * full))
        length = (moved - chunk.latents).norm(dim=1, keepdim=True)
        target, mask = transform(originals, originals.new_full((len(chunk),), sign * limit))
        walked = chunk.latents + (1 if sign > 0 else -1) * length * vector
        walked = limit_to_layers(chunk.latents, walked, direction.layers, generator.spec.layers)
        images = generator.synthesize(walked, chunk.classes)
        errors.append(masked_error(images, target, mask))
    return torch.stack(errors).mean(dim=0)
