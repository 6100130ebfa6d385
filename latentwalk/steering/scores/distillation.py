"""Learning a direction from a regressor without a gradient: fit a line, distil a student, refine through the student.

Half the images are sampled along the fitted line, so that the student has been trained where its gradient will be
followed. The regressor itself decides on held-out latents whether the refined walk is better than the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.errors import ModelFailed
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.measuring.reliability import fisher_interval
from latentwalk.steering.scores.gradient_fit import RATE, ScoreObjective, fit
from latentwalk.steering.scores.linear_fit import fit_linear, line_walk, score_batch
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.scores.student import train_student
from models.base import Generator
from models.regressors.protocol import Regressor

BEYOND = 1.25  # reaches that the second half of the images extends along the line
REFINING = 0.5  # of the usual learning rate: the start is already good
WEAKEST_LINE = 0.1  # correlation of the linear fit at or below which it cannot carry a slider by itself


@dataclass(frozen=True, slots=True)
class DistillationFigures:
    """How a distilled direction was found.

    `correlation` is the student's with the regressor over `n` held-out images, `fit_correlation` the line's;
    `fit_miss` and `refined_miss` are the validation losses of the two walks, and `result` is "fit" or "refined".
    """

    correlation: float
    n: int
    samples: int
    fit_correlation: float
    fit_miss: float
    refined_miss: float
    result: str

    def to_json(self) -> dict[str, Any]:
        """The figures as a direction's settings and its card store them."""
        return {
            "correlation": round(self.correlation, 4),
            "n": self.n,
            "samples": self.samples,
            "fit_correlation": round(self.fit_correlation, 4),
            "fit_miss": round(self.fit_miss, 4),
            "refined_miss": round(self.refined_miss, 4),
            "kept": self.result,
        }


def distill(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float,
    held: Sequence[Direction] = (), resume_state: ResumeState | None = None, stage: str = "",
) -> Work[tuple[ArcWalk, DistillationFigures]]:  # fmt: skip
    """The walk whose step 1 stands for a change of `reach`, and how it was found.

    Raises ModelFailed if neither the student nor the line predicts the scores better than chance.
    """
    half = settings.samples // 2
    source = torch.Generator().manual_seed(settings.seed)
    batch = sample_latents(generator, half, Role.TRAIN, source, balanced=True)
    images, values = yield from scale_progress(score_batch(generator, regressor, batch), 0.0, 0.2)
    line = fit_linear(batch, values, settings.per_class)
    start = line_walk(generator, settings, line.vectors * reach, held)
    more = sample_latents(generator, settings.samples - half, Role.TRAIN, source, balanced=True)
    shares = (torch.rand(len(more), generator=source) * 2 - 1).to(generator.device) * BEYOND
    moved = LatentBatch(start.move(more.latents, shares, more.classes), more.classes)
    more_images, more_values = yield from scale_progress(score_batch(generator, regressor, moved), 0.2, 0.4)
    training = train_student(
        regressor.spec, torch.cat([images, more_images]), torch.cat([values, more_values]), settings.seed
    )
    student = yield from scale_progress(training, 0.4, 0.6)
    if fisher_interval(student.correlation, student.n)[0] <= 0 and line.correlation <= WEAKEST_LINE:
        raise ModelFailed(
            f"No direction can be learned: on held-out images a student network predicts {regressor.spec.title} with a "
            f"correlation of {student.correlation:.2f} (n = {student.n}), which may be chance.",
            "Score more samples, or use a regressor whose scores depend on what these images show.",
        )
    refining = fit(generator, student, settings, reach, start, held, RATE * REFINING, resume_state, stage)
    refined = yield from scale_progress(refining, 0.6, 0.9)
    validation = ScoreObjective(generator, regressor, reach).validation()
    losses = []
    for walk in (start, refined):
        losses.append(
            (yield from validation.loss(walk, lambda: Progress(0.95, "Comparing the line and the refined walk")))
        )
    is_better = losses[1] <= losses[0]
    figures = DistillationFigures(
        student.correlation, student.n, settings.samples, line.correlation, losses[0], losses[1],
        "refined" if is_better else "fit",
    )  # fmt: skip
    return (refined if is_better else start), figures
