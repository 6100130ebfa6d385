"""How far each class of a generator can be steered, beside how much its training images vary.

"On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 4.2) finds that the two are correlated. There, the
variability of the data was estimated; here it is known, because the training images were composed. Walks are learned
in z, as in the paper: for every z, the mapping network returns a latent of the class itself. A walk in w can
go further, because it can give a class what another one has learned.
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
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.learning.transform_objective import fit
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.transforms import Transform
from models.base import FirstLayer, Generator, Precision

LATENTS_PER_CLASS = 48
STEPS = 300

Variability = Mapping[str, Mapping[str, float]]


class ClassPrior:
    """A generator whose only latent space is z, so that a walk cannot leave the distribution that it samples."""

    def __init__(self, generator: Generator) -> None:
        self.spec = replace(generator.spec, spaces={"z": generator.spec.spaces["z"]})
        self.device, self.precision = generator.device, generator.precision
        self.differentiable: bool = generator.differentiable
        self._generator = generator

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Latents z [N, z] of the prior; see Generator."""
        return self._generator.sample(seeds)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """z itself, scaled by the truncation."""
        return z * truncation

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """The images of z, mapped by the generator's own mapping network."""
        return self._generator.synthesize(self._generator.map(latent, classes), classes)

    def at(self, precision: Precision) -> ClassPrior:
        """The same in another precision."""
        return ClassPrior(self._generator.at(precision))

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: no feature map is linear in z."""
        return None

    def input_weights(self) -> Tensor:
        """An empty matrix [0, z]: z enters a network of several layers."""
        return torch.empty(0, self.spec.width, device=self.device)


def data_coverage(
    generator: Generator, variability: Variability, steps: int = STEPS, each: int = LATENTS_PER_CLASS
) -> Work[dict[str, Any]]:
    """For each transform, how far every class can be steered, beside how much its training images vary.

    `variability` holds, for each transform and class, the largest amount in the transform's unit by which training
    images were edited either way. The result holds for each transform its `unit`, the `asked` amount, `classes` (name
    to [variability, reached] in amounts; reached is half the span between the walk's two ends), `r`, `n` and `p`.
    A class that `variability` lacks is left out.
    """
    figures: dict[str, Any] = {}
    prior = ClassPrior(generator)
    for number, (name, amounts) in enumerate(variability.items()):
        transform = transforms.find(name)
        low, high = number / len(variability), (number + 1) / len(variability)
        work = fit(prior, transform, LearnSettings(name, steps=steps))
        walk = yield from scale_progress(work, low, low + 0.8 * (high - low))
        spans: dict[str, float] = {}
        for index, title in enumerate(generator.spec.classes):
            spans[title] = _half_span(prior, transform, walk, index, each)
            share = 0.8 + 0.2 * (index + 1) / len(generator.spec.classes)
            yield Progress(low + share * (high - low), f"{transform.title}, {title}")
        unit = transform.unit
        pairs = {title: (unit.coordinate(amounts[title]), span) for title, span in spans.items() if title in amounts}
        classes = {title: [round(unit.amount(value), 3) for value in pair] for title, pair in pairs.items()}
        requested = transform.limits(generator.spec.resolution)[1]
        figures[name] = {"unit": unit.symbol, "asked": requested, **correlation(pairs), "classes": classes}
    return figures


def _half_span(prior: ClassPrior, transform: Transform, walk: Walk, index: int, each: int) -> float:
    # Half the span between the walk's ends, in the unit's coordinate, averaged over latents of one class.
    first = Role.EVALUATE.value[0]
    latents = prior.sample(range(first, first + each))
    classes = one_hot(torch.full((each,), index), len(prior.spec.classes)).float().to(prior.device)
    with torch.no_grad():
        ends = [walk.move(latents, latents.new_full((each,), step)) for step in (-1.0, 1.0)]
        images = [prior.synthesize(end, classes) for end in ends]
        amounts = estimate_amount(prior.synthesize(latents, classes), torch.stack(images), transform)
    low, high = amounts.mean(dim=1)
    return float(high - low) / 2
