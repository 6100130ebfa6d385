"""The objective of a walk that imitates a transform, and how such a walk is fitted.

The objective is that of "On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 3.1): G(z + alpha w)
should equal edit(G(z), alpha). It differs from the authors' release in these points: w starts at zero, so that it
keeps nothing of a random start; alpha is drawn for each image; the mask is fractional; the learning rate follows a
cosine; every step draws new latents; and a held-out validation set selects the walk that is returned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import LinearWalk, PathWalk, Walk
from latentwalk.errors import Invalid
from latentwalk.latents.latent_codec import limit_to_layers
from latentwalk.progress import Work, scale_progress
from latentwalk.steering.closed_form import closed_form_walk
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.learning.fit_walk import FitPlan, fit_walk
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.settings import LearnSettings, layers_of
from latentwalk.steering.learning.validation import Validation
from latentwalk.steering.loss import multiscale_error
from latentwalk.steering.preview_strips import PREVIEW_SHARES, picture_row
from latentwalk.steering.transforms import Transform
from models.base import Generator

EVERY = 20  # steps between validations
VALIDATION_LATENTS = 32
LINE_RATE, PATH_RATE = 0.04, 1e-3  # Adam's, in latent units; faster rates leave noise in weak walks
PATH_STEPS = 2  # steps of a path that stand for the transform's limit

MaskedImages = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class TransformObjective:
    """Images moved by `full` steps should equal images edited by the transform's `limit`; see Objective."""

    generator: Generator
    transform: Transform
    limit: float
    full: float
    layers: tuple[int, int] | None

    def sample(self, count: int, source: torch.Generator) -> LatentBatch:
        """Training latents with classes drawn at random."""
        return sample_latents(self.generator, count, Role.TRAIN, source)

    def target(self, chunk: LatentBatch, shares: Tensor) -> MaskedImages:
        """The edited originals with their validity mask."""
        return self.transform(self.generator.synthesize(chunk.latents, chunk.classes), shares * self.limit)

    def losses(self, walk: Walk, chunk: LatentBatch, shares: Tensor, target: MaskedImages) -> Tensor:
        """The masked multi-scale error of each steered image [N]."""
        moved = walk.move(chunk.latents, shares * self.full)
        moved = limit_to_layers(chunk.latents, moved, self.layers, self.generator.spec.layers)
        return multiscale_error(self.generator.synthesize(moved, chunk.classes), *target)

    def preview(self, walk: Walk, one: LatentBatch) -> Tensor:
        """One latent along the walk, to one and a half times the limit each way."""
        return picture_row(self.generator, walk, one, [self.full * share for share in PREVIEW_SHARES], self.layers)


def fit(
    generator: Generator, transform: Transform, settings: LearnSettings,
    resume_state: ResumeState | None = None, stage: str = "",
) -> Work[Walk]:  # fmt: skip
    """Fit the walk alone: its step 1 (line) or `PATH_STEPS` (path) stands for the transform's limit.

    The stages are saved under `stage` + "line" and `stage` + "path". Raises Invalid if the generator has no gradient.
    """
    resume_state = ResumeState() if resume_state is None else resume_state
    if not generator.differentiable:
        raise Invalid(
            f"A walk cannot be learned on {generator.spec.title}: it runs in a sandbox and has no gradient.",
            "Learn from a score, which needs no gradient (--regressor), or discover pca directions.",
        )
    source = torch.Generator().manual_seed(settings.seed)

    def fitted(walk: Walk, full: float, steps: int, rate: float, name: str) -> Work[dict[str, Tensor]]:
        limit = transform.unit.coordinate(transform.limits(generator.spec.resolution)[1])
        objective = TransformObjective(generator, transform, limit, full, layers_of(generator, transform, settings))
        latents = sample_latents(generator, VALIDATION_LATENTS, Role.VALIDATE)
        shares = torch.linspace(-1, 1, VALIDATION_LATENTS, device=generator.device)
        plan = FitPlan(steps, settings.batch, rate, EVERY)
        validation = Validation(objective, latents, shares)
        return fit_walk(walk, objective, validation, plan, source, generator.device, resume_state, stage + name)

    width = generator.spec.width
    line = _closed_form(generator, transform) if settings.warm_start == "closed_form" else LinearWalk.blank(width)
    if settings.walk == "linear":
        best = yield from fitted(line, 1.0, settings.steps, LINE_RATE, "line")
        return LinearWalk(best["vector"])
    half = fitted(line, 1.0, max(settings.steps // 2, 1), LINE_RATE, "line")
    vector = (yield from scale_progress(half, 0.0, 0.3))["vector"]
    path = PathWalk.blank(width, settings.seed)
    path.weights["up.outer_bias"].copy_(vector / PATH_STEPS)
    path.weights["down.outer_bias"].copy_(-vector / PATH_STEPS)
    whole = fitted(path, PATH_STEPS, settings.steps, PATH_RATE, "path")
    return PathWalk((yield from scale_progress(whole, 0.3, 1.0)))


def _closed_form(generator: Generator, transform: Transform) -> LinearWalk:
    vector = closed_form_walk(generator, transform)
    if vector is None:
        raise Invalid(
            f"There is no closed form of {transform.title.lower()} for {generator.spec.name}.",
            "Start from zero, or choose a transform that moves the image.",
        )
    return LinearWalk(vector.cpu().clone())
