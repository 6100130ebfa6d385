"""Scene errors: the engine itself has hardly any, and grey pictures have more than the mean picture."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor

from latentwalk.progress import finish
from latentwalk.rendering.scenes import TOYS, data_set, render
from latentwalk.rendering.scenes.latents import to_scene
from latentwalk.training.evaluation.scene_error import scene_errors
from models.base import Generator


class Engine:
    """The engine in the form of a generator."""

    spec = SimpleNamespace(resolution=16)

    def map(self, z: Tensor, classes: Tensor, truncation: float) -> Any:
        return z

    def synthesize(self, latent: Tensor, classes: Tensor) -> Tensor:
        return render([to_scene(z, TOYS[int(kind)]) for z, kind in zip(latent, classes.argmax(1), strict=True)], 16)


class Ignorant(Engine):
    """It draws grey, whatever is asked."""

    def synthesize(self, latent: Tensor, classes: Tensor) -> Tensor:
        return torch.zeros(len(latent), 3, 16, 16)


def test_the_engine_itself_errs_least_and_grey_pictures_more_than_the_mean(tmp_path: Path) -> None:
    finish(data_set.write(tmp_path, 36, seed=1, size=16))
    exact, ignorant = (scene_errors(cast(Generator, one), tmp_path) for one in (Engine(), Ignorant()))
    assert list(exact) == list(TOYS)
    for toy in TOYS:
        assert exact[toy].count == 3
        assert exact[toy].picture > 35  # only rounding to 8 bits, and the ends of intervals
        assert ignorant[toy].picture < exact[toy].mean < exact[toy].picture
