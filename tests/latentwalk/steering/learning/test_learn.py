"""Learning finds the known walk, reports progress, can be cancelled and is reproducible."""

from __future__ import annotations

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.latent_walk import LinearWalk, PathWalk
from latentwalk.errors import Invalid
from latentwalk.progress import Progress, finish
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.learning.learn import learn, walk_similarity
from latentwalk.steering.learning.settings import LearnSettings
from tests.latentwalk.steering.discs import PIXELS, Discs, centre


@pytest.fixture(scope="module")
def shift() -> Direction:
    return finish(learn(Discs(), LearnSettings("shift_x", steps=120, twin=True)))


def test_a_walk_finds_the_axis_that_moves_the_disc(shift: Direction) -> None:
    assert isinstance(shift.walk, LinearWalk)
    axis = torch.zeros(6)
    axis[0] = 1
    assert torch.cosine_similarity(shift.walk.vector, axis, dim=0).item() > 0.98
    assert shift.walk.vector.norm().item() == pytest.approx(1)


def test_the_sliders_amounts_are_in_pixels(shift: Direction) -> None:
    discs = Discs()
    latents = sample_latents(discs, 32, Role.EVALUATE).latents * 0.5
    with torch.no_grad():
        before = centre(discs.synthesize(latents, None))
        for amount in (-1.5, 1.0, 2.0):
            after = centre(discs.synthesize(latents + shift.displacement(latents, amount), None))
            assert (after - before)[:, 0].mean().item() == pytest.approx(amount, rel=0.15, abs=0.1)
    assert shift.curve.step(2.0) * PIXELS == pytest.approx(2.0, rel=0.2)


def test_walks_from_two_seeds_agree(shift: Direction) -> None:
    assert shift.card is not None
    assert shift.card["seeds_cosine"] > 0.95


def test_the_same_seed_gives_the_same_vector() -> None:
    def vector() -> bytes:
        direction = finish(learn(Discs(), LearnSettings("brightness", steps=10)))
        assert isinstance(direction.walk, LinearWalk)
        return direction.walk.vector.numpy().tobytes()

    assert vector() == vector()


def test_a_learned_direction_survives_a_round_trip_through_its_file(shift: Direction) -> None:
    read = from_bytes(to_bytes(shift))
    assert read.card == shift.card
    assert read.range == shift.range
    assert read.curve == shift.curve


def test_a_path_preserves_the_length_of_z_and_moves_both_ways() -> None:
    discs = Discs()
    direction = finish(learn(discs, LearnSettings("shift_y", walk="path", steps=80)))
    assert isinstance(direction.walk, PathWalk)
    latents = sample_latents(discs, 32, Role.EVALUATE).latents
    with torch.no_grad():
        low, high = (direction.displacement(latents, end) for end in direction.range)
        rise = centre(discs.synthesize(latents + high, None)) - centre(discs.synthesize(latents + low, None))
    assert torch.allclose((latents + high).norm(dim=1), latents.norm(dim=1), rtol=0.15)
    assert rise[:, 1].mean().item() > 1.0


def test_progress_increases_and_has_the_loss_and_a_strip() -> None:
    reports: list[Progress] = []
    finish(learn(Discs(), LearnSettings("red", steps=40)), reports.append)
    shares = [progress.share for progress in reports]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    strips = [progress.strip for progress in reports if progress.strip is not None]
    assert strips[0].shape == (32, 7 * 32, 3)
    losses = [progress.detail["loss"] for progress in reports if progress.detail.get("loss")][-1]
    assert losses[-1][0] == 40
    assert losses[-1][2] < losses[0][1]


def test_closing_the_work_cancels_it() -> None:
    work = learn(Discs(), LearnSettings("zoom", steps=1000))
    next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)


def test_the_similarity_of_a_path_with_itself_is_one() -> None:
    path = PathWalk.blank(6, seed=1)
    path.weights["up.outer_bias"].fill_(0.2)
    path.weights["down.outer_bias"].fill_(-0.2)
    assert walk_similarity(Discs(), path, path) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"walk": "spiral"}, {"batch": 0}, {"seed": -1}, {"warm_start": "guess"}],
)
def test_settings_out_of_range_are_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        LearnSettings("zoom", **wrong)  # type: ignore[arg-type]
    assert str(refusal.value).endswith(".")
    assert refusal.value.hint


def test_a_closed_form_start_is_rejected_if_there_is_none() -> None:
    with pytest.raises(Invalid, match="no closed form of zoom for discs"):
        finish(learn(Discs(), LearnSettings("zoom", steps=5, warm_start="closed_form")))
