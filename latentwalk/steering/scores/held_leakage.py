"""What a slider that was kept off others still does to them: the leakage that is left, each in its own unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from latentwalk.directions.direction import Direction
from latentwalk.progress import Progress, Work
from latentwalk.steering import transforms
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.scores.factors import round_to
from latentwalk.steering.scores.scoring import CHUNK, steered
from models.base import Generator

LATENTS = 32


def held_leakage(generator: Generator, direction: Direction, held: Sequence[Direction]) -> Work[dict[str, Any]]:
    """For each held direction by id: `cosine`, the largest that is left between the two in latent space, and for one
    that imitates a transform `change`, the mean amount of it that the slider's two ends make, with its unit.
    """
    table: dict[str, Any] = {}
    drawn = sample_latents(generator, LATENTS, Role.JUDGE, in_turn=True)
    for number, other in enumerate(held):
        entry: dict[str, Any] = {"cosine": round_to(_cosine(direction, other, drawn.classes))}
        if "transform" in other.settings:
            transform = transforms.find(str(other.settings["transform"]))
            ends = []
            for end in direction.range:
                found = []
                for chunk in drawn.split(CHUNK):
                    with torch.no_grad():
                        before = generator.synthesize(chunk.latents, chunk.classes)
                        after = steered(generator, direction.walk, chunk, direction.steps(end))
                        found.append(estimate_amount(before, after, transform))
                    yield Progress(number / len(held), "Measuring what is held")
                ends.append(round_to(other.unit.amount(float(torch.cat(found).mean()))))
            entry |= {"change": ends, "unit": other.unit.symbol}
        table[other.id] = entry
    return table


def _cosine(direction: Direction, other: Direction, classes: torch.Tensor | None) -> float:
    largest = 0.0
    for index in range(1 if classes is None else len(classes)):
        one = None if classes is None else classes[index : index + 1]
        mine, theirs = direction.walk.axis(one), other.walk.axis(one)
        if mine is not None and theirs is not None:
            cosine = torch.nn.functional.cosine_similarity(mine.flatten(), theirs.to(mine).flatten(), dim=0)
            largest = max(largest, abs(float(cosine)))
    return largest
