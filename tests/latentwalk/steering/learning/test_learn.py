"""Learning finds what is there to be found, says how it goes, and can be stopped and repeated."""

from __future__ import annotations

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.latent_walk import LinearWalk, PathWalk
from latentwalk.errors import Invalid
from latentwalk.progress import Progress, finish
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.learning.learn import LearnSettings, learn, likeness
from tests.latentwalk.steering.discs import PIXELS, Discs, centre


@pytest.fixture(scope="module")
def sideways() -> Direction:
    return finish(learn(Discs(), LearnSettings("shift_x", steps=120, twin=True)))


def test_a_walk_finds_the_axis_that_moves_the_disc(sideways: Direction) -> None:
    assert isinstance(sideways.walk, LinearWalk)
    axis = torch.zeros(6)
    axis[0] = 1
    assert torch.cosine_similarity(sideways.walk.vector, axis, dim=0).item() > 0.98
    assert sideways.walk.vector.norm().item() == pytest.approx(1)


def test_the_slider_is_in_pixels_that_are_pixels(sideways: Direction) -> None:
    world = Discs()
    latents = sample_latents(world, 32, Role.JUDGE).latents * 0.5
    with torch.no_grad():
        before = centre(world.synthesize(latents, None))
        for asked in (-1.5, 1.0, 2.0):
            after = centre(world.synthesize(latents + sideways.displacement(latents, asked), None))
            assert (after - before)[:, 0].mean().item() == pytest.approx(asked, rel=0.15, abs=0.1)
    assert sideways.curve.step(2.0) * PIXELS == pytest.approx(2.0, rel=0.2)


def test_two_seeds_agree(sideways: Direction) -> None:
    assert sideways.card is not None
    assert sideways.card["seeds_cosine"] > 0.95


def test_the_same_seed_gives_the_same_file() -> None:
    def made() -> bytes:
        direction = finish(learn(Discs(), LearnSettings("brightness", steps=10)))
        assert isinstance(direction.walk, LinearWalk)
        return direction.walk.vector.numpy().tobytes()

    assert made() == made()


def test_a_learned_direction_survives_its_file(sideways: Direction) -> None:
    read = from_bytes(to_bytes(sideways))
    assert read.card == sideways.card
    assert read.range == sideways.range
    assert read.curve == sideways.curve


def test_a_path_keeps_the_length_of_z_and_goes_both_ways() -> None:
    world = Discs()
    direction = finish(learn(world, LearnSettings("shift_y", walk="path", steps=80)))
    assert isinstance(direction.walk, PathWalk)
    latents = sample_latents(world, 32, Role.JUDGE).latents
    with torch.no_grad():
        low, high = (direction.displacement(latents, end) for end in direction.range)
        rise = centre(world.synthesize(latents + high, None)) - centre(world.synthesize(latents + low, None))
    assert torch.allclose((latents + high).norm(dim=1), latents.norm(dim=1), rtol=0.15)
    assert rise[:, 1].mean().item() > 1.0


def test_progress_rises_and_carries_loss_and_a_strip() -> None:
    seen: list[Progress] = []
    finish(learn(Discs(), LearnSettings("red", steps=40)), seen.append)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    strips = [progress.strip for progress in seen if progress.strip is not None]
    assert strips[0].shape == (32, 7 * 32, 3)
    losses = [progress.detail["loss"] for progress in seen if progress.detail.get("loss")][-1]
    assert losses[-1][0] == 40
    assert losses[-1][2] < losses[0][1]


def test_closing_the_work_stops_it() -> None:
    work = learn(Discs(), LearnSettings("zoom", steps=1000))
    next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)


def test_likeness_of_a_path_with_itself_is_one() -> None:
    path = PathWalk.blank(6, seed=1)
    path.weights["up.outer_bias"].fill_(0.2)
    path.weights["down.outer_bias"].fill_(-0.2)
    assert likeness(Discs(), path, path) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"walk": "spiral"}, {"batch": 0}, {"seed": -1}, {"warm_start": "guess"}],
)
def test_impossible_settings_are_refused_in_a_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        LearnSettings("zoom", **wrong)  # type: ignore[arg-type]
    assert str(refusal.value).endswith(".")
    assert refusal.value.hint


def test_a_closed_form_start_is_refused_where_there_is_none() -> None:
    with pytest.raises(Invalid, match="no closed form of zoom for discs"):
        finish(learn(Discs(), LearnSettings("zoom", steps=5, warm_start="closed_form")))
