"""Latents of scenes: the way there and back, and what mapping networks see of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentwalk.rendering.scenes.latents import DIMENSIONS, NAMES, to_latents, to_scene
from latentwalk.rendering.scenes.variability import draw, intervals


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=50)
@given(index=st.integers(0, 10**5), seed=st.integers(0, 99), scale=st.floats(0.1, 10))
def test_the_scene_of_a_scenes_latent_is_that_scene_whatever_its_length(index: int, seed: int, scale: float) -> None:
    scene = draw(index)
    z = to_latents([scene], source(seed))[0]
    found = to_scene(z * scale, scene.toy)
    for name in NAMES:
        interval = intervals(scene.toy)[name]
        room = max(0.002 * (interval.high - interval.low), 1e-4)  # ends are moved inwards a little
        assert getattr(found, name) == pytest.approx(getattr(scene, name), abs=room)


def test_latents_have_the_length_of_normal_ones() -> None:
    z = to_latents([draw(index) for index in range(64)], source())
    assert z.shape == (64, DIMENSIONS)
    assert torch.allclose(z.square().mean(1), torch.ones(64), atol=1e-4)


def test_normal_latents_ask_for_scenes_as_varied_as_the_data() -> None:
    z = torch.randn(800, DIMENSIONS, generator=source())
    hues = torch.tensor([to_scene(one, "gem").hue for one in z])
    interval = intervals("gem")["hue"]
    assert hues.mean().item() == pytest.approx((interval.low + interval.high) / 2, abs=8)
    assert hues.std().item() == pytest.approx(interval.deviation, rel=0.06)


def test_what_means_nothing_in_a_latent_differs_and_the_scene_does_not() -> None:
    one, other = to_latents([draw(7)], source(1))[0], to_latents([draw(7)], source(2))[0]
    assert not torch.allclose(one, other)
    assert to_scene(one, "gem").distance == pytest.approx(to_scene(other, "gem").distance, abs=1e-3)
