"""Teaching with known latents: the error falls, and a recipe of it ends with a generator like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.rendering.scenes import TOYS, data_set
from latentwalk.training import pipeline, recipe
from latentwalk.training.gan.taught_step import reconstruction_loss
from models.catalogue import local
from models.networks.mapping import RATE

BODY = {
    "name": "taught", "pictures": "scenes:scenes", "z": 64, "w": 16, "widths": [8, 8, 8], "mapping": 2,
    "mapping_rate": 0.5, "momentum": 0.9, "rate": 0.01, "memory": 64, "encoder": 0, "precision": "fp32",
    "stages": [
        {"side": 8, "loss": "taught", "pictures": 800, "batch": 8},
        {"side": 16, "loss": "taught", "pictures": 80, "batch": 8},
    ],
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    finish(data_set.write(tmp_path / "scenes", 24, size=16))
    (tmp_path / "taught.json").write_text(json.dumps(BODY))
    return tmp_path / "taught.json"


def test_the_error_falls_and_the_result_is_a_generator_of_toys(path: Path, tmp_path: Path) -> None:
    run = pipeline.run_recipe(recipe.read(path), tmp_path, tmp_path / "run", tmp_path / "generators", "cpu")
    errors: list[float] = []
    finish(run, lambda progress: errors.append(progress.detail["critic"]) if progress.detail else None)
    assert errors[1] < 0.8 * errors[0]
    entry = local.read_entry(tmp_path / "generators" / "taught")
    generator = local.load(entry)
    assert generator.spec.classes == TOYS
    z = generator.sample([1, 2])
    classes = torch.eye(12)[[0, 5]]
    images = generator.synthesize(generator.map(z, classes, 1.0), classes)
    assert images.shape == (2, 3, 16, 16)


def test_a_mapping_network_trained_at_another_rate_is_stored_at_the_usual_one(path: Path, tmp_path: Path) -> None:
    body = recipe.read(path)
    assert body.mapping_rate != RATE
    work = pipeline.run_recipe(body, tmp_path, tmp_path / "run", tmp_path / "generators", "cpu")
    finish(work)
    stored = local.load(local.read_entry(tmp_path / "generators" / "taught"))
    from latentwalk.training.gan.state import TrainingState

    state = TrainingState.start(body, len(TOYS))
    assert state.resume(tmp_path / "run")
    z, classes = stored.sample([3]), torch.eye(12)[[4]]
    expected = state.average.mapping(z, classes)
    found = stored.map(z, classes, 1.0).reshape(1, -1)[:, : expected.shape[1]]
    assert torch.allclose(found, expected, atol=2e-2)


@pytest.mark.parametrize("change", [{"z": 32}, {"pictures": "folder:scenes"}])
def test_only_scenes_have_latents_to_teach_with(path: Path, change: dict[str, object]) -> None:
    path.write_text(json.dumps({**BODY, **change}))
    with pytest.raises(Invalid, match="Only rendered scenes"):
        recipe.read(path)


def test_the_loss_is_zero_for_equal_pictures_and_counts_edges() -> None:
    picture = torch.zeros(1, 3, 16, 16)
    assert reconstruction_loss(picture, picture) == 0
    flat, edged = picture + 0.1, picture.clone()
    edged[..., ::4] = 0.4  # the same mean difference, in edges
    assert reconstruction_loss(edged, picture) > 2 * reconstruction_loss(flat, picture)
