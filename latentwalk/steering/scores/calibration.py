"""Calibrating a score's slider: the curve that makes it linear in score units, and where each side ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.directions.unit import Unit
from latentwalk.errors import ModelFailed
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, class_means, sample_latents
from latentwalk.steering.measuring.diversity import diversity
from latentwalk.steering.measuring.figures import round_figure
from latentwalk.steering.measuring.response_curve import (
    DIVERSE,
    Calibration,
    StepResponse,
    Sweep,
    calibration_of,
    trace_both_sides,
)
from latentwalk.steering.scores.scoring import CHUNK, scores, steer
from models.base import Generator
from models.regressors.protocol import Regressor

LATENTS = 64
SHARES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # of the learned reach, each way
LONGEST = 2.0  # lengths of a latent: beyond that along a line, an image no longer resembles the original
REASONS = {
    "saturation": "longer steps no longer change the score",
    "diversity": "images of different seeds would look alike",
    "shell": "latents would leave the region the generator was trained on",
    "walk": "no longer step was tried",
}
MESSAGE = "Measuring how far the score follows"


def calibrate(
    generator: Generator, regressor: Regressor, walk: Walk, full: float, reach: float, unit: Unit
) -> Work[Calibration]:
    """Trace the response of a score to both sides; `full` is the step that stands for the change `reach`.

    Each side ends where the score saturates, where diversity falls below 80 % of that without a step, or where
    everything requested is reached. Raises ModelFailed if no step changes the score in the right direction.
    """
    batch = sample_latents(generator, LATENTS, Role.CALIBRATE, balanced=True)
    originals: list[Tensor] = []
    before: list[Tensor] = []
    for chunk in batch.split(CHUNK):
        with torch.no_grad():
            images = generator.synthesize(chunk.latents, chunk.classes)
            before.append(scores(regressor, images))
        originals.append(images)
        yield Progress(0.0, MESSAGE)
    subject = _Subject(generator, regressor, walk, batch, before, diversity(torch.cat(originals), batch))
    del originals
    longest = LONGEST * float((batch.latents - class_means(generator, batch)).norm(dim=1).mean())
    sweep = Sweep(full, reach, SHARES, subject.respond, lambda step: abs(step) > longest, halve_back=True)
    no_effect = ModelFailed(
        f"{generator.spec.title} do not follow {regressor.spec.title}: no step changed the score in that direction.",
        "What it measures may not vary in these images; use more steps, more samples or another generator.",
    )
    low, high = yield from trace_both_sides(sweep, no_effect)
    return calibration_of(low, high, reach, unit, lambda span, ends: _note(unit, span, reach, ends), round_figure)


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    # The walk to calibrate, with the scores and the diversity of the unchanged images.
    generator: Generator
    regressor: Regressor
    walk: Walk
    batch: LatentBatch
    before: list[Tensor]
    diversity: float

    def respond(self, step: float) -> Work[StepResponse]:
        changes, steered = [], []
        for index, chunk in enumerate(self.batch.split(CHUNK)):
            with torch.no_grad():
                images = steer(self.generator, self.walk, chunk, step)
                changes.append((scores(self.regressor, images) - self.before[index]).cpu())
            steered.append(images)
            yield Progress(len(steered) * CHUNK / len(self.batch), MESSAGE)
        share = diversity(torch.cat(steered), self.batch) / max(self.diversity, 1e-9)
        return StepResponse(float(torch.cat(changes).mean()), "diversity" if share < DIVERSE else None)


def _note(unit: Unit, span: tuple[float, float], reach: float, stopped_by: tuple[str, str]) -> str:
    reached = f"{unit.describe(span[0])} to {unit.describe(span[1])}"
    if stopped_by == ("asked", "asked"):
        return f"Reaches all of {reached}."
    reasons = "; ".join(dict.fromkeys(REASONS[end] for end in stopped_by if end != "asked"))
    return f"Reaches {reached} of the requested ±{reach:.{unit.decimals}f}. Beyond that, {reasons}."
