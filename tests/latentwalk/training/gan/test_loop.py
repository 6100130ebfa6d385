"""The training loop: checkpoints, early stops, stages, penalties and options of a recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentwalk.progress import finish
from latentwalk.training.data.avatars import STYLES, Avatars
from latentwalk.training.gan.loop import TrainingRun, train
from latentwalk.training.gan.state import FILE, TrainingState
from latentwalk.training.recipe import Recipe, Stage

RECIPE = Recipe(
    name="tiny", pictures="avatars:x", widths=(8, 8), z=8, w=8, mapping=1,
    stages=(Stage(side=8, pictures=48, batch=8),),
)  # fmt: skip


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    for style in STYLES:
        np.save(folder / f"{style}-train.npy", np.full((2, 24, 24, 4), 255, np.uint8))
    return folder


def trained(folder: Path, drawings: Path, recipe: Recipe = RECIPE) -> TrainingState:
    return finish(train(recipe, lambda side: Avatars(drawings, side), TrainingRun(folder)))


def test_a_resumed_run_ends_with_the_same_weights_as_an_uninterrupted_one(tmp_path: Path, drawings: Path) -> None:
    half = RECIPE.model_copy(update={"stages": (Stage(side=8, pictures=24, batch=8),), "lazy": 3})
    whole = RECIPE.model_copy(update={"lazy": 3})
    straight = trained(tmp_path / "lazy", drawings, whole)
    trained(tmp_path / "stopped", drawings, half)
    resumed = trained(tmp_path / "stopped", drawings, whole)
    assert resumed.images == straight.images == 48
    for name, value in straight.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


def test_a_run_out_of_time_is_resumed_later(tmp_path: Path, drawings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr("latentwalk.training.gan.loop.time.monotonic", lambda: next(ticks))
    work = train(RECIPE, lambda side: Avatars(drawings, side), TrainingRun(tmp_path, until=8))
    ended = finish(work)
    assert 0 < ended.images < RECIPE.length
    monkeypatch.undo()
    assert trained(tmp_path, drawings).images == RECIPE.length


def test_a_stage_may_have_its_own_penalty(tmp_path: Path, drawings: Path) -> None:
    def end(name: str, **options: object) -> torch.Tensor:
        recipe = RECIPE.model_copy(update={"lazy": 1, **options})
        return trained(tmp_path / name, drawings, recipe).discriminator.score.weight

    own = (RECIPE.stages[0].model_copy(update={"gamma": 9.0}),)
    assert torch.equal(end("recipe", gamma=9.0), end("stage", stages=own))
    assert not torch.equal(end("recipe", gamma=9.0), end("none", gamma=0.0))


def test_only_the_discriminator_may_be_trained_at_first(tmp_path: Path, drawings: Path) -> None:
    recipe = RECIPE.model_copy(update={"alone": 48})
    start, end = TrainingState.start(recipe, len(STYLES)), trained(tmp_path, drawings, recipe)
    for name, value in start.network.state_dict().items():
        assert torch.equal(value, end.network.state_dict()[name]), name
    assert not torch.equal(start.discriminator.score.weight, end.discriminator.score.weight)


def test_training_changes_the_average_and_the_class_means(tmp_path: Path, drawings: Path) -> None:
    start = TrainingState.start(RECIPE, len(STYLES))
    end = trained(tmp_path, drawings)
    assert (tmp_path / FILE).is_file()
    assert not torch.equal(end.average.synthesis.start, start.average.synthesis.start)
    assert end.average.mapping.get_buffer("mean").abs().sum() > 0


@pytest.mark.parametrize("options", [{"stable_rank": 0.5}, {"augment": ("colour", "translation", "cutout")}])
def test_a_resumed_run_with_options_equals_an_uninterrupted_one(
    tmp_path: Path, drawings: Path, options: dict[str, object]
) -> None:
    whole = RECIPE.model_copy(update={"lazy": 2, **options})
    half = whole.model_copy(update={"stages": (Stage(side=8, pictures=24, batch=8),)})
    straight = trained(tmp_path / "straight", drawings, whole)
    trained(tmp_path / "stopped", drawings, half)
    resumed = trained(tmp_path / "stopped", drawings, whole)
    plain = trained(tmp_path / "plain", drawings, RECIPE.model_copy(update={"lazy": 2}))
    for name, value in straight.discriminator.state_dict().items():
        assert value.isfinite().all()
        assert torch.equal(value, resumed.discriminator.state_dict()[name]), name
    assert not torch.equal(straight.average.synthesis.start, plain.average.synthesis.start)


def test_options_are_off_by_default_and_leave_the_checkpoint_format_unchanged(tmp_path: Path, drawings: Path) -> None:
    state = trained(tmp_path, drawings)
    assert not any("parametrizations" in name for name in state.discriminator.state_dict())
    assert RECIPE.stable_rank is None
    assert RECIPE.augment == ()
