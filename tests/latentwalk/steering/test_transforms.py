"""Transforms match their names and units, and their masks mark the valid area."""

from __future__ import annotations

import pytest
import torch

from latentwalk.errors import NotFound
from latentwalk.steering.transforms import Transform, find, transforms

SIDE = 16


def pictures(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) * 1.6 - 0.8


@pytest.fixture(params=sorted(transforms()))
def transform(request: pytest.FixtureRequest) -> Transform:
    return find(request.param)


def test_a_neutral_amount_changes_nothing_and_is_valid_everywhere(transform: Transform) -> None:
    images = pictures()
    edited, mask = transform(images, torch.zeros(2))
    assert torch.allclose(edited, images, atol=1e-5)
    assert torch.allclose(mask, torch.ones_like(mask), atol=1e-5)


def test_gradients_agree_with_differences(transform: Transform) -> None:
    images = (pictures(1).double() * 0.5)[:, :, :6, :6].requires_grad_()
    amount = torch.tensor([0.137], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, a: transform(x, a)[0], (images, amount), atol=1e-4)


def test_amounts_may_differ_between_images(transform: Transform) -> None:
    images = pictures()
    limit = transform.unit.coordinate(transform.limits(SIDE)[1])
    both, _ = transform(images, torch.tensor([0.3 * limit, -0.3 * limit]))
    alone, _ = transform(images[1:], torch.tensor([-0.3 * limit]))
    assert torch.allclose(both[1:], alone, atol=1e-6)


def test_limits_are_symmetric_about_neutral(transform: Transform) -> None:
    low, high = (transform.unit.coordinate(end) for end in transform.limits(64))
    assert low == pytest.approx(-high)
    assert high > 0


@pytest.mark.parametrize(("name", "dims", "roll"), [("shift_x", 3, 2), ("shift_y", 2, -2)])
def test_a_shift_by_whole_pixels_is_a_roll_inside_its_mask(name: str, dims: int, roll: int) -> None:
    images = pictures()
    edited, mask = find(name)(images, torch.full((2,), 2.0))
    valid = (mask > 0.999).expand_as(images)
    assert torch.allclose(edited[valid], images.roll(roll, dims)[valid], atol=1e-5)
    assert mask.sum() == pytest.approx(2 * SIDE * (SIDE - 2), rel=1e-4)


def test_a_shift_by_half_a_pixel_has_a_half_valid_edge_without_padding_colour() -> None:
    images = torch.full((1, 3, SIDE, SIDE), 0.7)
    edited, mask = find("shift_x")(images, torch.tensor([0.5]))
    assert mask[0, 0, 0, 0].item() == pytest.approx(0.5, abs=1e-4)
    assert torch.allclose(edited, images, atol=1e-5)


def test_zooming_in_is_valid_everywhere_and_zooming_out_only_inside_the_image() -> None:
    images = pictures(1)
    _, inwards = find("zoom")(images, torch.tensor([1.0]))
    _, outwards = find("zoom")(images, torch.tensor([-1.0]))
    assert inwards.min().item() == pytest.approx(1, abs=1e-5)
    assert outwards.mean().item() == pytest.approx(0.25, abs=0.01)


def test_a_quarter_turn_clockwise_is_a_quarter_turn_clockwise() -> None:
    images = pictures(1)
    turned, _ = find("rotate")(images, torch.tensor([90.0]))
    assert torch.allclose(turned, images.rot90(-1, (2, 3)), atol=1e-4)


def test_brightness_adds_its_percentage_of_the_span_and_stays_in_range() -> None:
    dark = torch.full((1, 3, 4, 4), -0.5)
    assert torch.allclose(find("brightness")(dark, torch.tensor([10.0]))[0], dark + 0.2)
    assert find("brightness")(dark, torch.tensor([99.0]))[0].max() <= 1


def test_a_channel_transform_leaves_the_other_channels() -> None:
    images = pictures(1) * 0.5
    edited, _ = find("green")(images, torch.tensor([10.0]))
    change = (edited - images).mean(dim=(0, 2, 3))
    assert change.tolist() == pytest.approx([0, 0.2, 0], abs=1e-5)


def test_zero_saturation_is_grey() -> None:
    edited, _ = find("saturation")(pictures(1), torch.tensor([-20.0]))
    assert edited.std(dim=1).max() < 1e-4


def test_an_unknown_transform_is_rejected_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(NotFound, match="no transform “wobble”") as refusal:
        find("wobble")
    assert "zoom" in refusal.value.hint
