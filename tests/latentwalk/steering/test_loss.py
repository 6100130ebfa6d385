"""The loss covers only the valid area and is normalised by it."""

from __future__ import annotations

import pytest
import torch

from latentwalk.steering.loss import masked_error, multiscale_error


def test_it_is_zero_for_equal_images_and_ignores_masked_pixels() -> None:
    target = torch.rand(1, 3, 16, 16)
    damaged = target.clone()
    mask = torch.ones(1, 1, 16, 16)
    mask[..., :8] = 0
    damaged[..., :8] = 9
    assert multiscale_error(damaged, target, mask).item() == 0
    assert masked_error(damaged, target, mask).item() == 0


def test_half_the_area_does_not_halve_the_error() -> None:
    images, target = torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.5)
    half = torch.ones(1, 1, 16, 16)
    half[..., :8] = 0
    for measure in (masked_error, multiscale_error):
        whole = measure(images, target, torch.ones_like(half)).item()
        assert measure(images, target, half).item() == pytest.approx(whole, rel=1e-5)


def test_each_image_has_its_own_error() -> None:
    target = torch.zeros(2, 3, 16, 16)
    images = torch.stack([torch.zeros(3, 16, 16), torch.ones(3, 16, 16)])
    assert multiscale_error(images, target, torch.ones(2, 1, 16, 16)).tolist() == pytest.approx([0, 1])
