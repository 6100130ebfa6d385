"""Chooses whether previews are computed in bf16: only where that is faster and gives visibly identical images."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.latents.class_weights import class_tensor
from models.base import Generator

GOLDEN_SEEDS = tuple(range(16))
CHUNK = 4  # images drawn at once
LEAST_PSNR = 40.0  # dB; at 40 two images are indistinguishable side by side
# Of the images that are compared: others may be worse. StyleGAN3 spreads over 20 dB from seed to seed.
SAFE_PSNR = LEAST_PSNR + 3.0
REPEATS = 8
TIME_BUDGET = 2.0  # seconds, after which no further image is timed, and no further large one compared
LARGE = 256  # px; of larger images only one chunk is compared, because each takes seconds on a CPU

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds for one image in both precisions, and the lowest PSNR (dB) between the two over the golden seeds."""

    fp32_seconds: float
    bf16_seconds: float
    psnr: float

    @property
    def bf16_pays(self) -> bool:
        """Whether bf16 is faster and indistinguishable, with a margin for images that were not compared."""
        return self.bf16_seconds < self.fp32_seconds and self.psnr >= SAFE_PSNR


def choose(generator: Generator) -> Generator:
    """The bf16 variant of a generator where it is faster and visibly identical, else itself. Takes about a second."""
    twin = generator.at("bf16")
    comparison = compare(generator, twin)
    log.info("%s: %s", generator.spec.name, comparison)
    return twin if comparison.bf16_pays else generator


def compare(generator: Generator, twin: Generator) -> Comparison:
    """Compare both on the golden seeds, or on the first of them where images are large, slow or differ already."""
    spec = generator.spec
    seeds = GOLDEN_SEEDS if spec.resolution <= LARGE else GOLDEN_SEEDS[:CHUNK]
    one = class_tensor(dict(spec.default_classes), spec, generator.device)
    with torch.inference_mode():
        worst = math.inf
        for start in range(0, len(seeds), CHUNK):
            chunk = seeds[start : start + CHUNK]
            classes = None if one is None else one.expand(len(chunk), -1)
            latents = generator.map(generator.sample(chunk), classes)
            worst = min(worst, _compare_images(generator, twin, latents, classes))
            if not worst >= SAFE_PSNR:
                break
        # Alternating, and the minimum of each: other load on this machine can only slow a run down.
        runs: list[tuple[float, float]] = []
        begin = time.perf_counter()
        while len(runs) < REPEATS and (not runs or time.perf_counter() - begin < TIME_BUDGET):
            other = latents[:1] * (1.01 + 0.01 * len(runs))  # a generator may cache blocks of an equal latent
            runs.append((seconds(generator, other, one), seconds(twin, other, one)))
        exact, quick = (min(times) for times in zip(*runs, strict=True))
        return Comparison(exact, quick, worst)


def _compare_images(generator: Generator, twin: Generator, latents: Tensor, classes: Tensor | None) -> float:
    # Of large images one at a time, and only as many as there is time for.
    size = len(latents) if generator.spec.resolution <= LARGE else 1
    worst, begin = math.inf, time.perf_counter()
    for start in range(0, len(latents), size):
        rows = latents[start : start + size]
        weights = None if classes is None else classes[start : start + size]
        expected, actual = (candidate.synthesize(rows, weights) for candidate in (generator, twin))
        worst = min(worst, lowest_psnr(expected, actual))
        if time.perf_counter() - begin > TIME_BUDGET:
            break
    return worst


def seconds(generator: Generator, latent: Tensor, classes: Tensor | None) -> float:
    """The seconds that one image takes."""
    begin = time.perf_counter()
    generator.synthesize(latent, classes)
    if generator.device.type == "cuda":
        torch.cuda.synchronize(generator.device)
    return time.perf_counter() - begin


def psnr(expected: Tensor, actual: Tensor, most: float = 99.0) -> Tensor:
    """The peak signal-to-noise ratio of each image in dB, [N], for images in [-1, 1]; at most `most`."""
    errors = (expected - actual).square().mean(dim=(1, 2, 3))
    return (10 * (4 / errors.clamp_min(1e-12)).log10()).clamp_max(most)


def lowest_psnr(expected: Tensor, actual: Tensor) -> float:
    """The lowest peak signal-to-noise ratio of a batch in dB, for images in [-1, 1]; infinite where they are equal."""
    worst = float((expected - actual).square().mean(dim=(1, 2, 3)).max())
    return math.inf if worst == 0 else 10 * math.log10(4 / worst) if math.isfinite(worst) else -math.inf
