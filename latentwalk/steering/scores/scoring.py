"""Scoring images with a regressor: checked scores, their spread over a generator's images, and a slider's scale."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.errors import Invalid, ModelFailed
from latentwalk.progress import Progress, Work
from latentwalk.rendering.image_codec import rgb
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from models.base import Generator
from models.regressors.protocol import Regressor

CHUNK = 8  # images per chunk: short enough that sliders stay live in between
SPREAD_IMAGES = 64  # images over which the spread of scores is measured
SPREADS = 2.5  # standard deviations of the scores that a slider should reach
TRAINING_TOLERANCE = 0.5  # how far reduced precision may deviate for training, where errors average out
MEASURING_TOLERANCE = 0.1  # and for measuring; both in standard deviations of the scores
FLAT = 1e-6  # of the regressor's span: with a smaller deviation, all images have the same score


def scores(regressor: Regressor, images: Tensor) -> Tensor:
    """Scores [N] of images [N, C, H, W] in [-1, 1].

    Raises ModelFailed if the regressor fails or does not return one finite number per image.
    """
    values = regressor.score(rgb(images) if images.shape[1] == 4 else images)
    if values.shape != (len(images),) or not bool(torch.isfinite(values).all()):
        raise ModelFailed(
            f"{regressor.spec.title} did not return one finite number for each image.",
            "A regressor must return one number per image; check the model and its input plan.",
        )
    return values.float()


def steer(generator: Generator, walk: Walk, chunk: LatentBatch, step: float | Tensor) -> Tensor:
    """Images of a chunk moved along a walk by one step for all, or by steps [N]."""
    steps = step if isinstance(step, Tensor) else chunk.latents.new_full((len(chunk),), step)
    return generator.synthesize(walk.move(chunk.latents, steps, chunk.classes), chunk.classes)


def score_spread(generator: Generator, regressor: Regressor) -> Work[tuple[float, float]]:
    """Mean and standard deviation of the scores of the generator's own images; raises Invalid if all are equal."""
    parts = []
    for chunk in sample_latents(generator, SPREAD_IMAGES, Role.VALIDATE, balanced=True).split(CHUNK):
        with torch.no_grad():
            parts.append(scores(regressor, generator.synthesize(chunk.latents, chunk.classes)).cpu())
        yield Progress(len(parts) * CHUNK / SPREAD_IMAGES, "Measuring the spread of scores")
    values = torch.cat(parts)
    mean, deviation = float(values.mean()), float(values.std())
    low, high = regressor.spec.span
    if deviation <= FLAT * max(high - low, abs(mean), 1e-12):
        raise Invalid(
            f"{regressor.spec.title} gives every image of {generator.spec.title} the same score, {mean:.4g}.",
            "A slider needs a score that differs between images; check the input plan, or use another generator.",
        )
    return mean, deviation


def faster_precision(generator: Generator, regressor: Regressor, tolerance: float = MEASURING_TOLERANCE) -> Regressor:
    """The regressor in bf16 if it has that, is faster so on this machine, and agrees; else the regressor itself.

    The two agree if on eight images no score differs by more than `tolerance` times the deviation of the scores.
    """
    at: Callable[[str], Regressor] | None = getattr(regressor, "at", None)
    if at is None:
        return regressor
    reduced = at("bf16")
    batch = next(sample_latents(generator, CHUNK, Role.VALIDATE, balanced=True).split(CHUNK))
    with torch.no_grad():
        images = generator.synthesize(batch.latents, batch.classes)
        scores(reduced, images[:1])  # the first run of a network includes its set-up
        times, values = [math.inf, math.inf], [images, images]
        for _ in range(2):  # the faster of two runs counts: other processes can only slow one down
            for index, candidate in enumerate((regressor, reduced)):
                start = time.perf_counter()
                values[index] = scores(candidate, images)
                times[index] = min(times[index], time.perf_counter() - start)
    agrees = float((values[0] - values[1]).abs().max()) <= tolerance * float(values[0].std())
    return reduced if agrees and times[1] < times[0] else regressor


def reach_of(deviation: float) -> float:
    """The change of score that a slider should reach, from the deviation of scores: it starts with 1, 2 or 5."""
    target = SPREADS * deviation
    power = 10.0 ** math.floor(math.log10(target))
    digit = min((1, 2, 5, 10), key=lambda number: abs(math.log(number * power / target)))
    return float(f"{digit * power:.1g}")


def decimals_of(reach: float) -> int:
    """How many decimals a slider of this reach shows, so that a hundredth of it is visible; 0 to 6."""
    return min(max(0, 1 - math.floor(math.log10(reach)) + (1 if reach < 10 else 0)), 6)
