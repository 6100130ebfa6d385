"""Holds a taught generator against the engine: the pictures of known latents beside the renders of their scenes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from latentwalk.rendering.scenes import TOYS
from latentwalk.rendering.scenes.latents import to_latents
from latentwalk.training.data.scene_folder import SceneFolder
from models.base import Generator

BATCH = 16


@dataclass(frozen=True, slots=True)
class SceneError:
    """Median peak signal-to-noise ratios in dB over held-out scenes of one toy.

    `picture` compares the generator's picture with the render; `blurred` both at half the side, where fine detail does
    not count; `mean` compares the render with the mean render of the toy, which is what knowing nothing would give.
    """

    count: int
    picture: float
    blurred: float
    mean: float


def scene_errors(generator: Generator, folder: Path, seed: int = 0) -> Mapping[str, SceneError]:
    """The errors by toy, on the scenes of a data set that the generator was not taught.

    The generator's classes must be the toys, in the order of `TOYS`.
    """
    data = SceneFolder(folder, generator.spec.resolution)
    source = torch.Generator().manual_seed(seed)
    found = {}
    for kind, toy in enumerate(TOYS):
        real = data.members(kind)
        made = torch.cat(list(_pictures(generator, data, kind, source)))
        mean = real.mean(0, keepdim=True).expand_as(real)
        found[toy] = SceneError(
            len(real),
            _psnr(made, real),
            _psnr(avg_pool2d(made, 2), avg_pool2d(real, 2)),
            _psnr(mean, real),
        )
    return found


def _pictures(generator: Generator, data: SceneFolder, kind: int, source: torch.Generator) -> Iterator[Tensor]:
    scenes = [scene for scene in data.scenes if scene.toy == TOYS[kind]]
    classes = torch.zeros(1, len(TOYS))
    classes[0, kind] = 1
    for start in range(0, len(scenes), BATCH):
        z = to_latents(scenes[start : start + BATCH], source)
        labels = classes.expand(len(z), -1)
        with torch.inference_mode():
            yield generator.synthesize(generator.map(z, labels, 1.0), labels).float().clamp(-1, 1)


def _psnr(made: Tensor, real: Tensor) -> float:
    # Pictures are in [-1, 1], so the peak is 2.
    errors = (made - real).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
    ratios: list[float] = (10 * torch.log10(4 / errors)).tolist()
    return round(median(ratios), 2)
