"""The amount of a transform is estimated from images in the transform's unit, whatever else changed."""

from __future__ import annotations

import pytest
import torch

from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.transforms import find, transforms
from models.base import Generator


@pytest.fixture(scope="module")
def batch(eyes: Generator) -> LatentBatch:
    return sample_latents(eyes, 16, Role.CALIBRATE)


@pytest.mark.parametrize("name", sorted(transforms()))
def test_a_known_amount_is_estimated(name: str, eyes: Generator, batch: LatentBatch) -> None:
    transform = find(name)
    limit = transform.unit.coordinate(transform.limits(128)[1])
    with torch.no_grad():
        originals = eyes.synthesize(batch.latents, batch.classes)
        for share in (-0.5, 0.0, 0.4):
            edited, _ = transform(originals, torch.full((16,), share * limit))
            amounts = estimate_amount(originals, edited, transform) / limit
            assert amounts.median().item() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("name", ["zoom", "shift_x", "shift_y", "rotate"])
def test_movement_is_estimated_although_other_things_change(name: str, eyes: Generator, batch: LatentBatch) -> None:
    transform = find(name)
    limit = transform.unit.coordinate(transform.limits(128)[1])
    noise = torch.randn(batch.latents.shape, generator=torch.Generator().manual_seed(1))
    drifted = batch.latents + 4 * noise / noise.norm(dim=1, keepdim=True)
    with torch.no_grad():
        originals = eyes.synthesize(batch.latents, batch.classes)
        drifted_images = eyes.synthesize(drifted, batch.classes)
        edited, _ = transform(drifted_images, torch.full((16,), 0.5 * limit))
        unmoved = estimate_amount(originals, drifted_images, transform) / limit
        moved = estimate_amount(originals, edited, transform) / limit
    assert unmoved.median().abs().item() < 0.1
    assert moved.median().item() == pytest.approx(0.5, abs=0.12)


def test_a_change_of_brightness_is_not_estimated_as_movement(eyes: Generator, batch: LatentBatch) -> None:
    with torch.no_grad():
        originals = eyes.synthesize(batch.latents, batch.classes)
        lighter, _ = find("brightness")(originals, torch.full((16,), 15.0))
        for name in ("zoom", "shift_x", "rotate"):
            transform = find(name)
            limit = transform.unit.coordinate(transform.limits(128)[1])
            assert (estimate_amount(originals, lighter, transform) / limit).median().abs().item() < 0.05


def test_several_steered_images_share_one_original(eyes: Generator, batch: LatentBatch) -> None:
    transform = find("brightness")
    with torch.no_grad():
        originals = eyes.synthesize(batch.latents[:2], batch.classes[:2])  # type: ignore[index]
        several = torch.stack([transform(originals, torch.full((2,), amount))[0] for amount in (5.0, 10.0)])
        together = estimate_amount(originals, several, transform)
    assert together.shape == (2, 2)
    assert torch.allclose(together[1], estimate_amount(originals, several[1], transform))
