"""Rendered scenes as training data: pictures with the latents of their scenes, and a part that is never trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.rendering.scenes import TOYS, data_set
from latentwalk.rendering.scenes.latents import to_scene
from latentwalk.rendering.scenes.variability import draw
from latentwalk.training.data.scene_folder import SceneFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    finish(data_set.write(folder, 120, size=16))
    return folder


def test_the_latent_of_an_example_asks_for_the_scene_in_the_picture(folder: Path) -> None:
    images, kinds, latents = SceneFolder(folder, 16).examples(6, torch.Generator().manual_seed(0))
    assert images.shape == (6, 3, 16, 16)
    drawn = {(scene.toy, round(scene.floor_hue, 1)) for scene in (draw(index) for index in range(120))}
    for kind, z in zip(kinds.tolist(), latents, strict=True):
        asked = to_scene(z, TOYS[kind])
        assert (asked.toy, round(asked.floor_hue, 1)) in drawn


def test_every_tenth_round_of_the_toys_is_held_out(folder: Path) -> None:
    training, held_out = SceneFolder(folder, 8), SceneFolder(folder, 8, "held-out")
    assert (len(training.scenes), len(held_out.scenes)) == (108, 12)
    assert held_out.scenes == [draw(index) for index in range(108, 120)]


def test_a_folder_without_scenes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="holds no data set of scenes"):
        SceneFolder(tmp_path, 16)
