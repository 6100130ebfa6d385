"""How far each class of a generator follows a transform, as a mirror of how much its training pictures varied.

"On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 4.2) finds that the two go together; there the
variability of the data was estimated, here it is known because the pictures were composed. Walks are learned in z, as
the paper's are: whatever z is, the mapping network answers with a latent that the class itself holds. A walk in w goes
further, for it lends every class what any class has learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentwalk.directions.latent_walk import Walk
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.steering import transforms
from latentwalk.steering.class_correlation import correlation
from latentwalk.steering.latent_sampling import Role
from latentwalk.steering.learning.learn import LearnSettings, fit
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.transforms import Transform
from models.base import FirstLayer, Generator, Precision

EACH = 48  # latents of a class
STEPS = 300

Design = Mapping[str, Mapping[str, float]]


class ClassPrior:
    """A generator whose only latent is z [N, z]: steering cannot leave what it draws by itself."""

    def __init__(self, generator: Generator) -> None:
        self.spec = replace(generator.spec, spaces={"z": generator.spec.spaces["z"]})
        self.device, self.precision = generator.device, generator.precision
        self.differentiable = generator.differentiable
        self._generator = generator

    def sample(self, seeds: Sequence[int]) -> Tensor:
        return self._generator.sample(seeds)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        return z * truncation

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        return self._generator.synthesize(self._generator.map(latent, classes), classes)

    def at(self, precision: Precision) -> ClassPrior:
        return ClassPrior(self._generator.at(precision))

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: no feature map is linear in z."""
        return None

    def input_weights(self) -> Tensor:
        """Nothing that is one matrix: z enters a network of several layers."""
        return torch.empty(0, self.spec.width, device=self.device)


def data_coverage(generator: Generator, design: Design, steps: int = STEPS, each: int = EACH) -> Work[dict[str, Any]]:
    """For each transform of the design: what every class reaches, beside what it was made to vary by.

    `design` holds for each transform and class the largest amount, in the transform's unit, by which training
    pictures were edited either way. The result holds for each transform `unit`, `asked` (the amount), `classes` (name
    to [designed, reached], amounts; reached is half of what lies between both ends of the walk), `r`, `n` and `p`.
    """
    seen: dict[str, Any] = {}
    prior = ClassPrior(generator)
    for number, (name, wanted) in enumerate(design.items()):
        transform = transforms.find(name)
        low, high = number / len(design), (number + 1) / len(design)
        walk = yield from scale_progress(
            fit(prior, transform, LearnSettings(name, steps=steps)), low, low + 0.8 * (high - low)
        )
        halves: dict[str, float] = {}
        for kind, title in enumerate(generator.spec.classes):
            halves[title] = _reached(prior, transform, walk, kind, each)
            share = 0.8 + 0.2 * (kind + 1) / len(generator.spec.classes)
            yield Progress(low + share * (high - low), f"{transform.title}, {title}")
        unit = transform.unit
        pairs = {title: (unit.coordinate(wanted[title]), half) for title, half in halves.items() if title in wanted}
        amounts = {title: [round(unit.amount(value), 3) for value in pair] for title, pair in pairs.items()}
        asked = transform.limits(generator.spec.resolution)[1]
        seen[name] = {"unit": unit.symbol, "asked": asked, **correlation(pairs), "classes": amounts}
    return seen


def _reached(prior: ClassPrior, transform: Transform, walk: Walk, kind: int, each: int) -> float:
    # Half of what lies between both ends, in the unit's coordinate, mean over latents of one class.
    first = Role.JUDGE.value[0]
    latents = prior.sample(range(first, first + each))
    classes = one_hot(torch.full((each,), kind), len(prior.spec.classes)).float().to(prior.device)
    with torch.no_grad():
        ends = [walk.move(latents, latents.new_full((each,), step)) for step in (-1.0, 1.0)]
        pictures = [prior.synthesize(end, classes) for end in ends]
        amounts = estimate_amount(prior.synthesize(latents, classes), torch.stack(pictures), transform)
    low, high = amounts.mean(dim=1)
    return float(high - low) / 2
