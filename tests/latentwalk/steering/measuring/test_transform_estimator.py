"""What a picture shows of a transform is read back in the transform's own unit, whatever else changed."""

from __future__ import annotations

import pytest
import torch

from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.transforms import find, transforms
from models.base import Generator


@pytest.fixture(scope="module")
def drawn(eyes: Generator) -> LatentBatch:
    return sample_latents(eyes, 16, Role.CALIBRATE)


@pytest.mark.parametrize("name", sorted(transforms()))
def test_a_known_edit_is_read_back(name: str, eyes: Generator, drawn: LatentBatch) -> None:
    transform = find(name)
    limit = transform.unit.coordinate(transform.limits(128)[1])
    with torch.no_grad():
        originals = eyes.synthesize(drawn.latents, drawn.classes)
        for share in (-0.5, 0.0, 0.4):
            edited, _ = transform(originals, torch.full((16,), share * limit))
            found = estimate_amount(originals, edited, transform) / limit
            assert found.median().item() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("name", ["zoom", "shift_x", "shift_y", "rotate"])
def test_movement_is_told_apart_from_what_else_changes(name: str, eyes: Generator, drawn: LatentBatch) -> None:
    transform = find(name)
    limit = transform.unit.coordinate(transform.limits(128)[1])
    noise = torch.randn(drawn.latents.shape, generator=torch.Generator().manual_seed(1))
    drifted = drawn.latents + 4 * noise / noise.norm(dim=1, keepdim=True)
    with torch.no_grad():
        originals = eyes.synthesize(drawn.latents, drawn.classes)
        others = eyes.synthesize(drifted, drawn.classes)
        edited, _ = transform(others, torch.full((16,), 0.5 * limit))
        still = estimate_amount(originals, others, transform) / limit
        moved = estimate_amount(originals, edited, transform) / limit
    assert still.median().abs().item() < 0.1
    assert moved.median().item() == pytest.approx(0.5, abs=0.12)


def test_lightening_the_picture_does_not_pass_for_a_movement(eyes: Generator, drawn: LatentBatch) -> None:
    with torch.no_grad():
        originals = eyes.synthesize(drawn.latents, drawn.classes)
        lighter, _ = find("brightness")(originals, torch.full((16,), 15.0))
        for name in ("zoom", "shift_x", "rotate"):
            transform = find(name)
            limit = transform.unit.coordinate(transform.limits(128)[1])
            assert (estimate_amount(originals, lighter, transform) / limit).median().abs().item() < 0.05


def test_several_steered_pictures_share_one_original(eyes: Generator, drawn: LatentBatch) -> None:
    transform = find("brightness")
    with torch.no_grad():
        originals = eyes.synthesize(drawn.latents[:2], drawn.classes[:2])  # type: ignore[index]
        several = torch.stack([transform(originals, torch.full((2,), amount))[0] for amount in (5.0, 10.0)])
        together = estimate_amount(originals, several, transform)
    assert together.shape == (2, 2)
    assert torch.allclose(together[1], estimate_amount(originals, several[1], transform))
