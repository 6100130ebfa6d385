"""Asking a regressor: scores of pictures and of latents, checked, with the judge's failures as sentences."""

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

CHUNK = 8  # pictures per chunk: short enough for sliders to stay live in between
LOOKED_AT = 64  # pictures whose scores tell how far a generator spreads
SPREADS = 2.5  # standard deviations of the scores that a slider is asked to reach
ROUGH = 0.5  # how far apart is near enough to learn from, where thousands of scores average the difference out
APART = 0.1  # and near enough to be measured by
FLAT = 1e-6  # of the judge's usual span: below it all pictures are the same to it


def scores(regressor: Regressor, images: Tensor) -> Tensor:
    """Scores [N] of images [N, C, H, W] in [-1, 1]; ModelFailed where the judge fails or gives no finite number."""
    found = regressor.score(rgb(images) if images.shape[1] == 4 else images)
    if found.shape != (len(images),) or not bool(torch.isfinite(found).all()):
        raise ModelFailed(
            f"{regressor.spec.title} did not give one finite number for each picture.",
            "Its answer must be a number per picture; check the model and its input plan.",
        )
    return found.float()


def steered(generator: Generator, walk: Walk, chunk: LatentBatch, step: float | Tensor) -> Tensor:
    """Images of a chunk moved along a walk by one step for all, or by steps [N]."""
    steps = step if isinstance(step, Tensor) else chunk.latents.new_full((len(chunk),), step)
    return generator.synthesize(walk.move(chunk.latents, steps, chunk.classes), chunk.classes)


def spread(generator: Generator, regressor: Regressor) -> Work[tuple[float, float]]:
    """Mean and standard deviation of the scores of the generator's own pictures; refuses a judge to whom they are
    all the same."""
    found = []
    for chunk in sample_latents(generator, LOOKED_AT, Role.WATCH, in_turn=True).split(CHUNK):
        with torch.no_grad():
            found.append(scores(regressor, generator.synthesize(chunk.latents, chunk.classes)).cpu())
        yield Progress(len(found) * CHUNK / LOOKED_AT, "Looking at what the judge says")
    together = torch.cat(found)
    mean, deviation = float(together.mean()), float(together.std())
    low, high = regressor.spec.span
    if deviation <= FLAT * max(high - low, abs(mean), 1e-12):
        raise Invalid(
            f"{regressor.spec.title} gives every picture of {generator.spec.title} the same score, {mean:.4g}.",
            "A slider needs a score that differs between pictures; check the input plan, or try another generator.",
        )
    return mean, deviation


def quickest(generator: Generator, regressor: Regressor, apart: float = APART) -> Regressor:
    """The judge's bf16 twin where it has one that is quicker here and says the same; else the judge itself.

    The same: on eight pictures no score differs by more than `apart` of how far their scores spread.
    """
    at: Callable[[str], Regressor] | None = getattr(regressor, "at", None)
    if at is None:
        return regressor
    twin = at("bf16")
    one = next(sample_latents(generator, CHUNK, Role.WATCH, in_turn=True).split(CHUNK))
    with torch.no_grad():
        images = generator.synthesize(one.latents, one.classes)
        scores(twin, images[:1])  # the first run of a network sets things up
        times, found = [math.inf, math.inf], [images, images]
        for which, judge in (*enumerate((regressor, twin)), *enumerate((regressor, twin))):
            # In turn, and the quicker of two: others on this machine can only make a run slower.
            begin = time.perf_counter()
            found[which] = scores(judge, images)
            times[which] = min(times[which], time.perf_counter() - begin)
    same = float((found[0] - found[1]).abs().max()) <= apart * float(found[0].std())
    return twin if same and times[1] < times[0] else regressor


def reach_of(deviation: float) -> float:
    """The change of score to ask for, from how far pictures spread: a number that starts with 1, 2 or 5."""
    wished = SPREADS * deviation
    power = 10.0 ** math.floor(math.log10(wished))
    digit = min((1, 2, 5, 10), key=lambda number: abs(math.log(number * power / wished)))
    return float(f"{digit * power:.1g}")


def decimals_of(reach: float) -> int:
    """How many decimals a slider of this reach shows: a hundredth of it can be told apart."""
    return min(max(0, 1 - math.floor(math.log10(reach)) + (1 if reach < 10 else 0)), 6)
