"""Learning a direction through a score's gradient: A(G(T(z, alpha))) should equal A(G(z)) + alpha.

The objective is that of GANalyze (Goetschalckx et al. 2019, section 3). It differs from the authors' release in these
points: the length of z is preserved for each latent, not for the batch; the vector starts at zero or from a fit, so
that it keeps nothing of a random start; gradients are reset at every step; classes are balanced; and a held-out
validation set selects the vector that is returned.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction, project_off
from latentwalk.directions.latent_walk import ArcWalk, Walk
from latentwalk.progress import Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents, uniform_classes
from latentwalk.steering.learning.fit_walk import FitPlan, fit_walk
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.validation import Validation
from latentwalk.steering.preview_strips import PREVIEW_SHARES, picture_row
from latentwalk.steering.scores.scoring import scores, steer
from latentwalk.steering.scores.settings import ScoreSettings
from models.base import Generator
from models.regressors.protocol import Regressor

VALIDATION_LATENTS = 32
EVERY = 15  # steps between validations
RATE = 0.04  # Adam's, in latent units


@dataclass(frozen=True, slots=True, eq=False)
class ScoreObjective:
    """A share of the walk's step 1 should change the score by that share of `reach`; see Objective.

    Losses are squared errors in units of the reach: 1/3 on average if nothing moves, 0 if all is reached.
    """

    generator: Generator
    regressor: Regressor
    reach: float

    def sample(self, count: int, source: torch.Generator) -> LatentBatch:
        """Training latents with balanced classes."""
        return sample_latents(self.generator, count, Role.TRAIN, source, balanced=True)

    def target(self, chunk: LatentBatch, shares: Tensor) -> Tensor:
        """The scores [N] of the unchanged images."""
        return scores(self.regressor, self.generator.synthesize(chunk.latents, chunk.classes))

    def losses(self, walk: Walk, chunk: LatentBatch, shares: Tensor, target: Tensor) -> Tensor:
        """The squared error of each latent's change of score [N]."""
        after = scores(self.regressor, steer(self.generator, walk, chunk, shares))
        return ((after - target) / self.reach - shares).square()

    def preview(self, walk: Walk, one: LatentBatch) -> Tensor:
        """One latent along the walk, to one and a half times the reach each way."""
        return picture_row(self.generator, walk, one, PREVIEW_SHARES)

    def validation(self) -> Validation[Tensor]:
        """The held-out latents on which walks towards this score are compared."""
        latents = sample_latents(self.generator, VALIDATION_LATENTS, Role.VALIDATE, balanced=True)
        # Shuffled, because classes are in order: an ascending share would always meet the same class.
        order = torch.randperm(VALIDATION_LATENTS, generator=torch.Generator().manual_seed(0))
        return Validation(self, latents, torch.linspace(-1, 1, VALIDATION_LATENTS)[order].to(self.generator.device))


def zero_walk(generator: Generator, settings: ScoreSettings) -> ArcWalk:
    """A walk that does not move yet: in z it will preserve each latent's length, in w it is straight."""
    space = generator.spec.space
    count = len(generator.spec.classes) if settings.per_class and generator.spec.classes else 1
    return ArcWalk.blank(count, generator.spec.width, keeps_norm=space == "z")


def fit(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float,
    start: ArcWalk, held: Sequence[Direction] = (), rate: float = RATE,
    resume_state: ResumeState | None = None, stage: str = "",
) -> Work[ArcWalk]:  # fmt: skip
    """The walk whose step 1 stands for a change of `reach`, fitted from `start`, which is not modified.

    `regressor` must be differentiable. The result is orthogonal to the directions in `held`. The state is saved under
    `stage` + "fit".
    """
    resume_state = ResumeState() if resume_state is None else resume_state
    vectors = start.vectors.detach().clone()
    project = functools.partial(project_off_held, vectors, held, generator)
    objective = ScoreObjective(generator, regressor, reach)
    plan = FitPlan(settings.steps, settings.batch, rate, EVERY, project)
    source = torch.Generator().manual_seed(settings.seed)
    best = yield from fit_walk(
        ArcWalk(vectors, start.keeps_norm), objective, objective.validation(), plan, source, generator.device,
        resume_state, f"{stage}fit",
    )  # fmt: skip
    return ArcWalk(best["vectors"], start.keeps_norm)


def project_off_held(vectors: Tensor, held: Sequence[Direction], generator: Generator) -> None:
    """Remove from `vectors` [K, D], in place, their components along the held directions."""
    if not held:
        return
    count = len(generator.spec.classes)
    with torch.no_grad():
        for index in range(len(vectors)):
            classes = uniform_classes(generator)
            if len(vectors) > 1:
                classes = torch.eye(count, device=vectors.device)[index : index + 1]
            vectors[index : index + 1] = project_off(vectors[index : index + 1], held, classes)
