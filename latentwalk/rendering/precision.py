"""Whether a generator may compute its previews in bf16: only where that is faster here and looks the same."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.edit import class_tensor
from models.base import Generator

GOLDEN_SEEDS = (0, 1, 2, 3)
LEAST_PSNR = 40.0  # dB; at 40 two pictures cannot be told apart side by side
REPEATS = 8
PATIENCE = 2.0  # seconds after which no further picture is timed
LARGE = 256  # px; of larger pictures one is compared, for each takes seconds on a CPU

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds for one picture in both precisions, and how close they are: the lowest PSNR over the golden seeds."""

    fp32_seconds: float
    bf16_seconds: float
    psnr: float

    @property
    def bf16_pays(self) -> bool:
        return self.bf16_seconds < self.fp32_seconds and self.psnr >= LEAST_PSNR


def choose(generator: Generator) -> Generator:
    """The generator to preview with: its bf16 twin where that pays, else itself. Takes about a second."""
    twin = generator.at("bf16")
    comparison = compare(generator, twin)
    log.info("%s: %s", generator.spec.name, comparison)
    return twin if comparison.bf16_pays else generator


def compare(generator: Generator, twin: Generator) -> Comparison:
    """Run both on the golden latents, or the first of them where pictures are large."""
    spec = generator.spec
    seeds = GOLDEN_SEEDS if spec.resolution <= LARGE else GOLDEN_SEEDS[:1]
    one = class_tensor(dict(spec.default_classes), spec, generator.device)
    classes = None if one is None else one.expand(len(seeds), -1)
    with torch.inference_mode():
        latents = generator.map(generator.sample(seeds), classes)
        expected, found = (candidate.synthesize(latents, classes) for candidate in (generator, twin))
        # In turn, and the quickest of each: others on this machine can only make a run slower.
        runs: list[tuple[float, float]] = []
        begin = time.perf_counter()
        while len(runs) < REPEATS and (not runs or time.perf_counter() - begin < PATIENCE):
            other = latents[:1] * (1.01 + 0.01 * len(runs))  # a generator may keep what it made of the same picture
            runs.append((seconds(generator, other, one), seconds(twin, other, one)))
        exact, quick = (min(times) for times in zip(*runs, strict=True))
        return Comparison(exact, quick, lowest_psnr(expected, found))


def seconds(generator: Generator, latent: Tensor, classes: Tensor | None) -> float:
    """What one picture takes."""
    begin = time.perf_counter()
    generator.synthesize(latent, classes)
    if generator.device.type == "cuda":
        torch.cuda.synchronize(generator.device)
    return time.perf_counter() - begin


def psnr(expected: Tensor, found: Tensor, most: float = 99.0) -> Tensor:
    """Each picture's peak signal-to-noise ratio in dB, [N], for images in [-1, 1]; `most` where they are equal."""
    errors = (expected - found).square().mean(dim=(1, 2, 3))
    return (10 * (4 / errors.clamp_min(1e-12)).log10()).clamp_max(most)


def lowest_psnr(expected: Tensor, found: Tensor) -> float:
    """The worst picture's peak signal-to-noise ratio in dB, for images in [-1, 1]; infinite where they are equal."""
    worst = float((expected - found).square().mean(dim=(1, 2, 3)).max())
    return math.inf if worst == 0 else 10 * math.log10(4 / worst) if math.isfinite(worst) else -math.inf
