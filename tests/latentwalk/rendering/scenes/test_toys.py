"""The toys' solids: distances that a ray may trust."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentwalk.rendering.scenes.distance_fields import box, capsule, cylinder, sphere, torus
from latentwalk.rendering.scenes.marching import coordinates
from latentwalk.rendering.scenes.toys import TOYS
from latentwalk.rendering.scenes.toys.toy import MIDDLE, REACH, Paint

CENTRE = torch.tensor([0.0, MIDDLE, 0.0])


def points(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 2.4 - torch.tensor([1.2, 0.7, 1.2])


@pytest.mark.parametrize("name", TOYS)
def test_a_step_along_a_ray_never_passes_through_the_surface(name: str) -> None:
    # From outside, any direction: a step of the promised share of the distance ends outside, or hardly inside.
    toy = TOYS[name]
    starts = points(20_000)
    distance = toy.solid(coordinates(starts))
    starts, distance = starts[distance > 0.01], distance[distance > 0.01]
    way = torch.nn.functional.normalize(torch.randn(starts.shape, generator=torch.Generator().manual_seed(1)), dim=1)
    landed = toy.solid(coordinates(starts + (toy.step * distance)[:, None] * way))
    assert (landed < -0.02).float().mean() < 2e-3


@pytest.mark.parametrize("name", TOYS)
def test_every_toy_lies_within_reach_and_stands_on_the_floor(name: str) -> None:
    found = points(60_000)
    inside = found[TOYS[name].solid(coordinates(found)) < 0]
    assert len(inside) > 100
    assert (inside - CENTRE).norm(dim=1).max() < REACH
    assert -0.08 < inside[:, 1].min() < 0.08


@pytest.mark.parametrize("name", TOYS)
def test_paints_are_those_of_the_palette_and_the_scenes_colour_is_among_them(name: str) -> None:
    toy, found = TOYS[name], points(60_000)
    surface = found[toy.solid(coordinates(found)).abs() < 0.02]
    paints = toy.paint(coordinates(surface)).unique().tolist()
    assert set(paints) <= {int(paint) for paint in Paint}
    assert Paint.MAIN in paints


def test_distances_to_plain_solids_are_exact() -> None:
    at = coordinates(torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]]))
    assert sphere(at, 0.5).tolist() == pytest.approx([1.5, 2.5])
    assert box(at, 1.0, 1.0, 1.0, 0.1).tolist() == pytest.approx([1.0, 2.0])
    assert cylinder(at, 0.5, 1.0, 0.1).tolist() == pytest.approx([1.5, 2.0])
    assert torus(at, 1.0, 0.25).tolist() == pytest.approx([0.75, 10**0.5 - 0.25])
    assert capsule(at, (0, 0, 0), (1, 0, 0), 0.2).tolist() == pytest.approx([0.8, 2.8])
