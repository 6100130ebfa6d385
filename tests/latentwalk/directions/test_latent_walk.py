"""Walks: how a latent moves, in lines and in paths."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentwalk.directions.latent_walk import LinearWalk, PathWalk, from_tensors

WIDTH = 12
steps = st.floats(-6, 6)


def latents(count=4, seed=0):
    return torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["linear", "path"])
def walk(request, make_path):
    if request.param == "path":
        return make_path()
    return LinearWalk(torch.nn.functional.normalize(torch.randn(WIDTH), dim=0))


def test_step_zero_leaves_every_bit_as_it_was(walk):
    before = latents()
    assert torch.equal(walk.move(before, torch.zeros(4)), before)


def test_a_sample_that_stands_still_is_not_moved_by_its_neighbours(walk):
    before = latents()
    after = walk.move(before, torch.tensor([0.0, 1.5, -2.25, 0.0]))
    assert torch.equal(after[[0, 3]], before[[0, 3]])
    assert not torch.equal(after[1], before[1])


def test_a_batch_is_its_samples_one_by_one(walk):
    before, by = latents(), torch.tensor([0.4, -1.0, 2.5, -3.75])
    together = walk.move(before, by)
    alone = torch.cat([walk.move(before[i : i + 1], by[i : i + 1]) for i in range(4)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_moving_does_not_touch_what_it_was_given(walk):
    before = latents()
    kept = before.clone()
    walk.move(before, torch.full((4,), 2.5))
    assert torch.equal(before, kept)


@settings(max_examples=40)
@given(step=steps)
def test_a_small_change_of_step_is_a_small_change_of_latent(make_path, step):
    walk, before = make_path(), latents()
    here, there = (walk.move(before, torch.full((4,), step + nudge)) for nudge in (0.0, 1e-4))
    assert float((here - there).norm(dim=1).max()) < 1e-2


@settings(max_examples=40)
@given(step=st.integers(-5, 5))
def test_a_path_has_no_jump_at_whole_steps(make_path, step):
    walk, before = make_path(), latents()
    ends = [walk.move(before, torch.full((4,), step + nudge)) for nudge in (-1e-3, 0.0, 1e-3)]
    assert float((ends[0] - ends[1]).norm(dim=1).max()) < 2e-2
    assert float((ends[2] - ends[1]).norm(dim=1).max()) < 2e-2


@settings(max_examples=40)
@given(step=st.integers(-6, 6), scale=st.floats(0.1, 10))
def test_a_path_of_whole_steps_keeps_each_latents_length(make_path, step, scale):
    before = latents() * scale
    after = make_path().move(before, torch.full((4,), float(step)))
    assert torch.allclose(after.norm(dim=1), before.norm(dim=1), rtol=1e-4)


def test_a_line_goes_as_far_as_its_step_says(make_direction):
    walk, before = make_direction().walk, latents()
    moved = walk.move(before, torch.full((4,), -3.0))
    assert torch.allclose((moved - before).norm(dim=1), torch.full((4,), 3.0), atol=1e-5)


def test_blank_walks_go_nowhere():
    before = latents()
    assert torch.equal(LinearWalk.blank(WIDTH).move(before, torch.full((4,), 5.0)), before)
    assert torch.allclose(PathWalk.blank(WIDTH, 0).move(before, torch.full((4,), 5.0)), before, atol=1e-5)


def test_gradients_reach_what_is_learned(walk):
    tensors = walk.tensors()
    for tensor in tensors.values():
        tensor.requires_grad_(True)
    walk.move(latents(), torch.tensor([1.0, -1.0, 0.5, -0.5])).square().sum().backward()
    assert all(tensor.grad is not None for tensor in tensors.values())
    for tensor in tensors.values():
        tensor.requires_grad_(False)


def test_a_walk_is_stored_and_found_again(walk):
    again = from_tensors(walk.kind, walk.tensors(), WIDTH)
    before, by = latents(), torch.tensor([0.4, -1.0, 2.5, -3.75])
    assert torch.equal(again.move(before, by), walk.move(before, by))


@pytest.mark.parametrize(
    ("kind", "tensors", "reason"),
    [
        ("spiral", {}, "not a kind of walk"),
        ("linear", {}, "holds nothing"),
        ("linear", {"vector": torch.eye(WIDTH)[0], "more": torch.zeros(1)}, "holds more, vector"),
        ("linear", {"vector": torch.zeros(WIDTH + 1)}, "shape"),
        ("linear", {"vector": torch.full((WIDTH,), torch.nan)}, "not finite"),
        ("linear", {"vector": torch.zeros(WIDTH)}, "length one"),
        ("linear", {"vector": torch.full((WIDTH,), 1e30)}, "length one"),
        ("path", {"vector": torch.zeros(WIDTH)}, "up.inner"),
    ],
)
def test_what_is_not_a_walk_is_refused_with_the_reason(kind, tensors, reason):
    with pytest.raises(ValueError, match=reason):
        from_tensors(kind, tensors, WIDTH)
