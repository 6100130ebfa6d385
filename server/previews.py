"""How large previews are: a generator whose early layers make pictures stops there where whole ones would lag."""

from __future__ import annotations

import logging

import torch

from models.base import Early, Generator
from server.edits import class_tensor
from server.precision import seconds

QUICK = 0.06  # seconds for a picture that follows a hand
SMALLEST = 64  # px; below that nobody sees what they do
REPEATS = 3

log = logging.getLogger(__name__)


def choose(generator: Generator, quick: float = QUICK) -> Generator:
    """The generator to preview with: a twin of smaller pictures where whole ones take more than `quick` seconds, the
    largest that takes less, or the smallest worth looking at; else itself.
    """
    if not isinstance(generator, Early):
        return generator
    chosen: Generator = generator
    for side in [side for side in reversed(generator.sides) if side >= SMALLEST]:
        chosen = generator if side == generator.sides[-1] else generator.small(side)
        taken = taken_by(chosen)
        log.info("%s: a preview of %d px takes %.0f ms", generator.spec.name, side, taken * 1000)
        if taken <= quick:
            break
    return chosen


def taken_by(generator: Generator) -> float:
    """Seconds for one picture, the quickest of a few: others on this machine can only make a run slower."""
    spec = generator.spec
    classes = class_tensor(dict(spec.default_classes), spec, generator.device)
    with torch.inference_mode():
        latents = [generator.map(generator.sample([seed]), classes) for seed in range(REPEATS)]
        return min(seconds(generator, latent, classes) for latent in latents)
