"""Arcs keep each latent's own length, and a walk with a vector for each class follows the class weights."""

from __future__ import annotations

import pytest
import torch

from latentwalk.directions.direction import Direction, project_off
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.latent_walk import ArcWalk, from_tensors
from latentwalk.edit import parse
from latentwalk.latents.resolve import resolve

WIDTH = 12


def vectors(count: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm(dim=1).mean()


def test_every_sample_keeps_its_own_length_whatever_the_others_are():
    latents = torch.randn(5, WIDTH) * torch.tensor([0.1, 1, 2, 5, 30])[:, None]
    walk = ArcWalk(vectors(1))
    moved = walk.move(latents, torch.tensor([3.0, -3, 0.5, 40, -1]))
    assert torch.allclose(moved.norm(dim=1), latents.norm(dim=1), rtol=1e-5)
    alone = torch.cat([walk.move(latents[i : i + 1], torch.tensor([[3.0, -3, 0.5, 40, -1][i]])) for i in range(5)])
    assert torch.allclose(alone, moved, atol=1e-6)


def test_no_step_is_the_same_latent_to_the_last_bit():
    latents = torch.randn(4, WIDTH)
    for kept in (True, False):
        assert torch.equal(ArcWalk(vectors(1), kept).move(latents, torch.zeros(4)), latents)


def test_a_fan_mixes_its_vectors_by_the_class_weights():
    rows = vectors(3)
    latents, classes = torch.zeros(2, WIDTH), torch.tensor([[1.0, 0, 0], [0, 0.25, 0.75]])
    moved = ArcWalk(rows, keeps_norm=False).move(latents, torch.ones(2), classes)
    assert torch.allclose(moved[0], rows[0])
    assert torch.allclose(moved[1], 0.25 * rows[1] + 0.75 * rows[2], atol=1e-6)
    with pytest.raises(ValueError, match="needs class weights"):
        ArcWalk(rows).move(latents, torch.ones(2))


@pytest.mark.parametrize("kept", [True, False])
def test_it_survives_its_file_and_steers_an_edit_by_its_classes(generator, make_direction, kept):
    made: Direction = make_direction(walk=ArcWalk(vectors(3), kept))
    read = from_bytes(to_bytes(made))
    assert isinstance(read.walk, ArcWalk)
    assert read.walk.keeps_norm is kept
    assert torch.equal(read.walk.vectors, made.walk.vectors)
    edit = {"generator": "tiny", "base": {"seed": 3}, "amounts": {made.id: 5}}
    latents = [
        resolve(parse({**edit, "classes": {name: 1}}), generator, {made.id: read})[0] for name in ("amber", "blue")
    ]
    assert not torch.allclose(*latents)
    if kept:
        assert torch.allclose(latents[0].norm(), latents[1].norm())


def test_it_can_be_held(make_direction):
    held = make_direction(walk=ArcWalk(vectors(3)))
    classes = torch.tensor([[0.5, 0.5, 0.0]])
    axis = classes @ held.walk.vectors
    rest = project_off(torch.randn(4, WIDTH), [held], classes)
    assert float((rest @ axis.T).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"vectors": torch.ones(2, WIDTH)}, "mean length is not one"),
        ({"vectors": torch.zeros(0, WIDTH)}, "has shape"),
        ({"vectors": torch.ones(WIDTH)}, "has shape"),
        ({"vector": torch.ones(WIDTH)}, "holds vector"),
        ({"vectors": vectors(2) * torch.nan}, "not finite"),
    ],
)
def test_what_is_no_arc_is_refused(tensors, reason):
    with pytest.raises(ValueError, match=reason):
        from_tensors("arc", tensors, WIDTH)
