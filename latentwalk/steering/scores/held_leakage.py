"""What a slider still does to the directions it was kept orthogonal to, each in its own unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from latentwalk.directions.direction import Direction
from latentwalk.progress import Progress, Work
from latentwalk.steering import transforms
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.measuring.figures import round_figure
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.scores.scoring import CHUNK, steer
from models.base import Generator

LATENTS = 32


def held_leakage(generator: Generator, direction: Direction, held: Sequence[Direction]) -> Work[dict[str, Any]]:
    """For each held direction by id, as JSON: `cosine`, the largest that remains between the two in latent space.

    For a held direction that imitates a transform also `change`, the mean amount of it at both ends of the slider, and
    its `unit`.
    """
    table: dict[str, Any] = {}
    batch = sample_latents(generator, LATENTS, Role.EVALUATE, balanced=True)
    for number, other in enumerate(held):
        entry: dict[str, Any] = {"cosine": round_figure(_largest_cosine(direction, other, batch.classes))}
        if "transform" in other.settings:
            transform = transforms.find(str(other.settings["transform"]))
            ends = []
            for end in direction.range:
                amounts = []
                for chunk in batch.split(CHUNK):
                    with torch.no_grad():
                        before = generator.synthesize(chunk.latents, chunk.classes)
                        after = steer(generator, direction.walk, chunk, direction.steps(end))
                        amounts.append(estimate_amount(before, after, transform))
                    yield Progress(number / len(held), "Measuring the held directions")
                ends.append(round_figure(other.unit.amount(float(torch.cat(amounts).mean()))))
            entry |= {"change": ends, "unit": other.unit.symbol}
        table[other.id] = entry
    return table


def _largest_cosine(direction: Direction, other: Direction, classes: Tensor | None) -> float:
    largest = 0.0
    for index in range(1 if classes is None else len(classes)):
        one = None if classes is None else classes[index : index + 1]
        first, second = direction.walk.axis(one), other.walk.axis(one)
        if first is not None and second is not None:
            cosine = cosine_similarity(first.flatten(), second.to(first).flatten(), dim=0)
            largest = max(largest, abs(float(cosine)))
    return largest
