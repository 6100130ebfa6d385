"""Training: pictures by design, a recipe read or refused, and a run that goes on where it stopped."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training.data.avatars import DESIGN, FILL, STYLES, Avatars, compose
from latentwalk.training.gan.loop import TrainingRun, train
from latentwalk.training.gan.losses import r1_penalty
from latentwalk.training.gan.state import FILE, TrainingState
from latentwalk.training.recipe import Recipe, Stage, read

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


def test_every_transform_has_four_levels_and_no_two_go_together() -> None:
    table = torch.tensor([[v.zoom, v.shift_x, v.shift_y, v.rotate] for v in DESIGN.values()], dtype=torch.float64)
    for column in table.T:
        assert sorted(column.unique(return_counts=True)[1].tolist()) == [3, 3, 3, 3]
    for first, second in itertools.combinations(range(4), 2):
        pairs = {(a, b) for a, b in table[:, [first, second]].tolist()}
        assert len(pairs) == 12
        together = torch.corrcoef(table[:, [first, second]].T)[0, 1]
        assert abs(together) < 0.35


def place(amounts: list[float]) -> torch.Tensor:
    """Where a drawing covers the picture, as a mask [64, 64]."""
    opaque = torch.ones(1, 4, 96, 96)
    picture = compose(opaque, torch.tensor([amounts]), torch.tensor([False]), torch.zeros(1, 3), 64)
    return (picture[0, 0] + 1) / 2


def test_a_drawing_is_as_large_and_lies_where_the_amounts_say() -> None:
    plain, larger, moved = place([0, 0, 0, 0]), place([0.5, 0, 0, 0]), place([0, 0.125, -0.0625, 0])
    assert float(plain.sum()) == pytest.approx((FILL * 64) ** 2, rel=0.01)
    assert float(larger.sum() / plain.sum()) == pytest.approx(2, rel=0.02)
    torch.testing.assert_close(moved, plain.roll((-4, 8), (0, 1)), atol=1e-4, rtol=0)


def test_positive_turns_are_counterclockwise() -> None:
    bar = torch.zeros(1, 4, 96, 96)
    bar[:, :, 44:52, 48:] = 1  # from the centre to the right
    turned = compose(bar, torch.tensor([[0, 0, 0, 30.0]]), torch.tensor([False]), torch.zeros(1, 3), 64)[0, 0] + 1
    rows = torch.arange(64.0)
    assert float((turned.sum(dim=1) * rows).sum() / turned.sum()) < 30  # the bar's weight rose


def test_one_source_gives_the_same_pictures_again(drawings: Path) -> None:
    avatars = Avatars(drawings, 16)
    first, kinds = avatars.batch(6, torch.Generator().manual_seed(3))
    again, same = avatars.batch(6, torch.Generator().manual_seed(3))
    assert torch.equal(first, again)
    assert torch.equal(kinds, same)
    assert first.shape == (6, 3, 16, 16)
    assert first.abs().max() <= 1


def test_missing_drawings_say_how_to_draw_them(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not in"):
        Avatars(tmp_path, 16)


def test_r1_is_the_squared_gradient_of_the_score() -> None:
    pictures = torch.randn(5, 3, 4, 4, requires_grad=True)
    slopes = torch.randn(3, 4, 4)
    assert float(r1_penalty((pictures * slopes).sum(dim=(1, 2, 3)), pictures)) == pytest.approx(
        float(slopes.square().sum())
    )


def trained(folder: Path, drawings: Path, recipe: Recipe = RECIPE) -> TrainingState:
    return finish(train(recipe, lambda side: Avatars(drawings, side), TrainingRun(folder)))


def test_a_run_stopped_and_gone_on_with_is_the_run_never_stopped(tmp_path: Path, drawings: Path) -> None:
    straight = trained(tmp_path / "straight", drawings)
    half = RECIPE.model_copy(update={"stages": (Stage(side=8, pictures=24, batch=8),), "lazy": 3})
    whole = RECIPE.model_copy(update={"lazy": 3})
    straight = trained(tmp_path / "lazy", drawings, whole)
    trained(tmp_path / "stopped", drawings, half)
    resumed = trained(tmp_path / "stopped", drawings, whole)
    assert resumed.images == straight.images == 48
    for name, value in straight.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


def test_a_run_out_of_time_keeps_what_it_has_learned(
    tmp_path: Path, drawings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr("latentwalk.training.gan.loop.time.monotonic", lambda: next(ticks))
    work = train(RECIPE, lambda side: Avatars(drawings, side), TrainingRun(tmp_path, until=8))
    ended = finish(work)
    assert 0 < ended.images < RECIPE.length
    monkeypatch.undo()
    assert trained(tmp_path, drawings).images == RECIPE.length


def test_a_run_knows_the_side_it_has_reached() -> None:
    recipe = RECIPE.model_copy(update={"stages": (Stage(side=8, pictures=16), Stage(side=16, pictures=16))})
    assert [recipe.side_after(seen) for seen in (0, 8, 16, 24, 32, 40)] == [0, 8, 8, 16, 16, 16]


def test_a_stage_may_have_a_penalty_of_its_own(tmp_path: Path, drawings: Path) -> None:
    def end(name: str, **options: object) -> torch.Tensor:
        recipe = RECIPE.model_copy(update={"lazy": 1, **options})
        return trained(tmp_path / name, drawings, recipe).discriminator.score.weight

    own = (RECIPE.stages[0].model_copy(update={"gamma": 9.0}),)
    assert torch.equal(end("recipe", gamma=9.0), end("stage", stages=own))
    assert not torch.equal(end("recipe", gamma=9.0), end("none", gamma=0.0))


def test_a_new_critic_may_look_alone_at_first(tmp_path: Path, drawings: Path) -> None:
    recipe = RECIPE.model_copy(update={"alone": 48})
    start, end = TrainingState.start(recipe, len(STYLES)), trained(tmp_path, drawings, recipe)
    for name, value in start.network.state_dict().items():
        assert torch.equal(value, end.network.state_dict()[name]), name
    assert not torch.equal(start.discriminator.score.weight, end.discriminator.score.weight)


def test_training_moves_the_average_and_every_class_mean(tmp_path: Path, drawings: Path) -> None:
    start = TrainingState.start(RECIPE, len(STYLES))
    end = trained(tmp_path, drawings)
    assert (tmp_path / FILE).is_file()
    assert not torch.equal(end.average.synthesis.start, start.average.synthesis.start)
    assert end.average.mapping.get_buffer("mean").abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"stages": [{"side": 12, "pictures": 8}]}, "powers of two"),
        ({"widths": [8, 8, 8]}, "do not make a network"),
        ({"critic": [8]}, "discriminator has 1 widths"),
        ({"speed": 3}, "speed"),
        ({"stages": []}, "stages"),
    ],
)
def test_a_wrong_recipe_is_refused_with_a_sentence(tmp_path: Path, change: dict[str, object], word: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**RECIPE.model_dump(mode="json"), **change}))
    with pytest.raises(Invalid, match=word):
        read(path)


def test_the_shipped_recipes_are_read_and_the_second_begins_with_the_first() -> None:
    recipes = Path(__file__).parents[4] / "recipes"
    first, then = read(recipes / "avatars-begin.json"), read(recipes / "avatars.json")
    assert (first.side, then.side) == (64, 64)
    assert Path(then.start).name == first.name


@pytest.mark.parametrize("options", [{"stable_rank": 0.5}, {"augment": ("colour", "translation", "cutout")}])
def test_a_run_with_options_trains_stops_and_goes_on_as_if_never_stopped(
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


def test_without_options_a_run_stores_and_draws_what_it_did_before_there_were_any(
    tmp_path: Path, drawings: Path
) -> None:
    state = trained(tmp_path, drawings)
    assert not any("parametrizations" in name for name in state.discriminator.state_dict())
    assert RECIPE.stable_rank is None
    assert RECIPE.augment == ()
