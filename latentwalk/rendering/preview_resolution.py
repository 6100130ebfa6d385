"""How large previews are: a generator whose early layers make pictures stops there where whole ones would lag."""

from __future__ import annotations

import logging

import torch

from latentwalk.edit import class_tensor
from latentwalk.rendering.precision import seconds
from models.base import Generator, SupportsSmallerOutput

QUICK = 0.06  # seconds for a picture that follows a hand
SMALLEST = 64  # px; below that nobody sees what they do
REPEATS = 3
FAR = 4  # times too slow: nobody else made it so

log = logging.getLogger(__name__)


def choose(generator: Generator, quick: float = QUICK) -> Generator:
    """The generator to preview with: a twin of smaller pictures where whole ones take more than `quick` seconds, the
    largest that takes less, or the smallest worth looking at; else itself.
    """
    if not isinstance(generator, SupportsSmallerOutput):
        return generator
    sides = [side for side in generator.output_heights if side >= SMALLEST] or [generator.output_heights[-1]]
    chosen: Generator = generator
    for number, side in enumerate(sides):  # from small to large: what would take seconds is tried once at most
        found = generator if side == generator.output_heights[-1] else generator.at_height(side)
        taken = taken_by(found, quick)
        log.info("%s: a preview of %d px takes %.0f ms", generator.spec.name, side, taken * 1000)
        if number and taken > quick:
            break
        chosen = found
    return chosen


def taken_by(generator: Generator, quick: float = QUICK) -> float:
    """Seconds for one picture, the quickest of a few, for others on this machine can only make a run slower; of one
    where that is far above `quick`.
    """
    spec = generator.spec
    classes = class_tensor(dict(spec.default_classes), spec, generator.device)
    with torch.inference_mode():
        best = float("inf")
        for seed in range(REPEATS):
            best = min(best, seconds(generator, generator.map(generator.sample([seed]), classes), classes))
            if best > FAR * quick:
                break
        return best
