"""Calibrating a transform's slider: how far a generator follows a walk, and the curve that makes the slider linear."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.directions.unit import Unit
from latentwalk.errors import ModelFailed
from latentwalk.latents.latent_codec import limit_to_layers
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, class_means, sample_latents
from latentwalk.steering.measuring.image_statistics import NAMES, image_statistics
from latentwalk.steering.measuring.response_curve import (
    DIVERSE,
    Calibration,
    StepResponse,
    Sweep,
    calibration_of,
    trace_both_sides,
)
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.transforms import Transform
from models.base import Generator

LATENTS = 64
CHUNK = 16
SHARES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)  # of the learned limit, each way
SHELL = 5.0  # standard deviations of a latent's length in the prior
DRIFT = 2.0  # standard deviations of a texture statistic beyond what the ideal edit changes
TEXTURE = ("contrast", "saturation", "sharpness")  # statistics that change first when images degrade


def calibrate(
    generator: Generator, transform: Transform, walk: Walk, full: float, layers: tuple[int, int] | None = None
) -> Work[Calibration]:
    """Trace the response of a walk to both sides; `full` is the step that training called the transform's limit.

    Each side ends where the response saturates, where seeds lose diversity or texture drifts compared with the ideal
    edit, where latents leave the shell of the prior, or where everything requested is reached. `layers` limits the
    walk to some of the generator's layers. Raises ModelFailed if no step moves images in the right direction.
    """
    unit = transform.unit
    limit = unit.coordinate(transform.limits(generator.spec.resolution)[1])
    batch = sample_latents(generator, LATENTS, Role.CALIBRATE)
    means = class_means(generator, batch)
    lengths = (batch.latents - means).norm(dim=1)
    shell = float(lengths.mean() + SHELL * lengths.std())
    subject = _Subject(generator, transform, walk, layers, batch)

    def is_outside(step: float) -> bool:
        moved = walk.move(batch.latents, lengths.new_full(lengths.shape, step))
        return float((moved - means).norm(dim=1).mean()) > shell

    sweep = Sweep(full, limit, SHARES, subject.respond, is_outside)
    no_effect = ModelFailed(
        f"{generator.spec.title} do not follow {transform.title.lower()}: no step of the walk moved the images in that "
        "direction.",
        "The training images may hold no such variation; use more steps or another transform.",
    )
    low, high = yield from trace_both_sides(sweep, no_effect)
    requested = (unit.amount(-limit), unit.amount(limit))
    return calibration_of(
        low,
        high,
        limit,
        unit,
        lambda reach, stopped_by: _note(unit, reach, requested, stopped_by),
        unit.amount,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    # The walk to calibrate, and the latents to calibrate it on.
    generator: Generator
    transform: Transform
    walk: Walk
    layers: tuple[int, int] | None
    batch: LatentBatch

    def respond(self, step: float) -> Work[StepResponse]:
        reached: list[Tensor] = []
        images: dict[str, list[Tensor]] = {"steered": [], "ideal": []}
        statistics: dict[str, list[Tensor]] = {"original": [], "steered": [], "ideal": []}
        for chunk in self.batch.split(CHUNK):
            with torch.no_grad():
                originals = self.generator.synthesize(chunk.latents, chunk.classes)
                steered = self._steer(chunk, step)
                amounts = estimate_amount(originals, steered, self.transform)
                ideal, mask = self.transform(originals, amounts)
                statistics["original"].append(image_statistics(originals, torch.ones_like(mask)))
                statistics["steered"].append(image_statistics(steered, mask))
                statistics["ideal"].append(image_statistics(ideal, mask))
            images["steered"].append(steered)
            images["ideal"].append(ideal)
            reached.append(amounts)
            yield Progress(len(reached) * CHUNK / len(self.batch), "Measuring how far images follow")
        spread = {name: torch.cat(parts).std(dim=0).mean() for name, parts in images.items()}
        diversity = float(spread["steered"] / spread["ideal"].clamp_min(1e-6))
        means = {name: torch.cat(rows).mean(dim=0) for name, rows in statistics.items()}
        deviation = torch.cat(statistics["original"]).std(dim=0).clamp_min(1e-6)
        drifts = ((means["steered"] - means["ideal"]).abs() / deviation)[[NAMES.index(name) for name in TEXTURE]]
        exceeds = "diversity" if diversity < DIVERSE else "drift" if float(drifts.max()) > DRIFT else None
        return StepResponse(float(torch.cat(reached).mean()), exceeds)

    def _steer(self, chunk: LatentBatch, step: float) -> Tensor:
        moved = self.walk.move(chunk.latents, chunk.latents.new_full((len(chunk),), step))
        moved = limit_to_layers(chunk.latents, moved, self.layers, self.generator.spec.layers)
        return self.generator.synthesize(moved, chunk.classes)


def _note(unit: Unit, reach: tuple[float, float], requested: tuple[float, float], stopped_by: tuple[str, str]) -> str:
    if stopped_by == ("asked", "asked"):
        return f"Reaches all of {unit.describe(requested[0])} to {unit.describe(requested[1])}."
    span = f"{unit.describe(reach[0])} to {unit.describe(reach[1])}"
    return f"Reaches {span} of the requested {unit.describe(requested[0])} to {unit.describe(requested[1])}."
