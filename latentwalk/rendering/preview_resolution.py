"""Chooses the resolution of previews: lower where a full image would lag and early layers already output an image."""

from __future__ import annotations

import logging

import torch

from latentwalk.latents.class_weights import class_tensor
from latentwalk.rendering.precision import seconds
from models.base import Generator, SupportsSmallerOutput

QUICK = 0.06  # seconds; a preview that takes longer lags behind a dragged slider
SMALLEST = 64  # px; smaller previews show too little
REPEATS = 3
HOPELESS = 4  # times too slow: more than other load on the machine explains

log = logging.getLogger(__name__)


def choose(generator: Generator, quick: float = QUICK) -> Generator:
    """The variant of a generator to preview with.

    The generator itself where an image takes at most `quick` seconds or it has no smaller variants, else its largest
    variant that does, else its smallest of at least `SMALLEST` px.
    """
    if not isinstance(generator, SupportsSmallerOutput):
        return generator
    sides = [side for side in generator.output_heights if side >= SMALLEST] or [generator.output_heights[-1]]
    chosen: Generator = generator
    for number, side in enumerate(sides):  # rising, so that at most one slow variant is tried
        variant = generator if side == generator.output_heights[-1] else generator.at_height(side)
        took = image_seconds(variant, quick)
        log.info("%s: a preview of %d px takes %.0f ms", generator.spec.name, side, took * 1000)
        if number and took > quick:
            break
        chosen = variant
    return chosen


def image_seconds(generator: Generator, quick: float = QUICK) -> float:
    """The seconds of one image: the minimum of a few, as other load can only slow a run down.

    Stops after one that is far above `quick`.
    """
    spec = generator.spec
    classes = class_tensor(dict(spec.default_classes), spec, generator.device)
    with torch.inference_mode():
        best = float("inf")
        for seed in range(REPEATS):
            best = min(best, seconds(generator, generator.map(generator.sample([seed]), classes), classes))
            if best > HOPELESS * quick:
                break
        return best
