"""The engine: what a number of the scene changes in the picture, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from latentwalk.rendering.scenes import TOYS, Scene, render

DUCK = Scene("duck", hue=50.0)


def drawn(scene: Scene, size: int = 48) -> Tensor:
    return render([scene], size)[0]


def toy_mask(scene: Scene, size: int = 48) -> Tensor:
    """Which pixels are the toy's, [size, size]: those that change with its colour alone."""
    other = replace(scene, hue=scene.hue + 180, saturation=0.1, value=0.2)
    return (drawn(scene, size) - drawn(other, size)).abs().amax(0) > 0.15


def middle(mask: Tensor) -> tuple[float, float]:
    """The mean column and row of a mask, as shares of its side."""
    rows, columns = mask.nonzero().float().mean(0).tolist()
    return columns / mask.shape[1], rows / mask.shape[0]


@pytest.mark.parametrize("toy", TOYS)
def test_every_toy_is_in_the_picture_and_casts_a_shadow(toy: str) -> None:
    scene = Scene(toy, light_azimuth=-60.0)
    picture = drawn(scene)
    assert picture.shape == (3, 48, 48)
    assert -1 <= picture.min() < picture.max() <= 1
    assert toy_mask(scene).float().mean() > 0.03
    assert picture.std() > 0.1


def test_the_same_scene_gives_the_same_pixels() -> None:
    assert torch.equal(drawn(DUCK), drawn(replace(DUCK)))


def test_a_batch_gives_the_pictures_of_its_scenes() -> None:
    scenes = [Scene("star"), Scene("mug")]
    assert torch.equal(render(scenes, 32), torch.stack([drawn(scene, 32) for scene in scenes]))


def test_a_near_toy_is_larger() -> None:
    near, far = (toy_mask(replace(DUCK, distance=metres)).float().mean() for metres in (2.4, 4.0))
    assert near > 1.8 * far


def test_panning_moves_the_toy_right_and_up_by_metres() -> None:
    columns, rows = middle(toy_mask(DUCK))
    moved_columns, moved_rows = middle(toy_mask(replace(DUCK, pan_x=0.3, pan_y=0.2)))
    frame = 2 * DUCK.distance * torch.tan(torch.deg2rad(torch.tensor(15.0))).item()  # metres across the picture
    assert moved_columns - columns == pytest.approx(0.3 / frame, abs=0.02)
    assert rows - moved_rows == pytest.approx(0.2 / frame, abs=0.02)


def test_an_orbit_equals_a_turn_of_the_toy_by_the_opposite_angle() -> None:
    assert torch.allclose(drawn(replace(DUCK, azimuth=70.0)), drawn(replace(DUCK, azimuth=30.0, turn=-40.0)), atol=1e-5)


def test_the_hue_leaves_floor_and_wall_as_they_are() -> None:
    corner = (slice(None), slice(0, 6), slice(0, 6))
    assert torch.allclose(drawn(DUCK)[corner], drawn(replace(DUCK, hue=200.0))[corner], atol=1e-6)


def test_a_lamp_on_the_left_lights_the_left_side() -> None:
    ball = Scene("ball", saturation=0.0, value=0.9, gloss=0.0, azimuth=0.0)
    left, right = (drawn(replace(ball, light_azimuth=angle, light_elevation=25.0)) for angle in (-80.0, 80.0))
    mask = toy_mask(replace(ball, saturation=0.6))
    columns = torch.arange(48).expand(48, 48)
    first_half = mask & (columns < columns[mask].float().mean())
    assert left[:, first_half].mean() > right[:, first_half].mean() + 0.1


def test_an_unknown_toy_is_refused_with_the_names() -> None:
    with pytest.raises(ValueError, match="fire_truck"):
        Scene("train")
