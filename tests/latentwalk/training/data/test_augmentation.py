"""Differentiable augmentation: ranges, geometry and gradients."""

from __future__ import annotations

import pytest
import torch

from latentwalk.training.data.augmentation import Change, augment, change_colour, cut_out, translate


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_changes_return_the_images_and_draw_nothing() -> None:
    pictures, random = torch.randn(2, 3, 8, 8), source()
    assert augment(pictures, (), random) is pictures
    assert torch.equal(random.get_state(), source().get_state())


def test_brightness_saturation_and_contrast_span_the_papers_ranges() -> None:
    # Half red 1, half red -1, other channels 0: contrast and saturation scale, and brightness moves the mean.
    pictures = torch.zeros(4000, 3, 2, 2)
    pictures[:, 0, 0], pictures[:, 0, 1] = 1, -1
    augmented = change_colour(pictures, source())
    brightness = augmented.mean(dim=(1, 2, 3))
    assert brightness.min() >= -0.5
    assert brightness.max() <= 0.5
    assert brightness.max() - brightness.min() > 0.95
    differences = augmented[:, :, 0, 0] - augmented[:, :, 1, 0]  # red 2, others 0, of which the grey part is 2 / 3
    contrast = differences.mean(dim=1) / (2 / 3)
    assert contrast.min() >= 0.5 - 1e-4
    assert contrast.max() <= 1.5 + 1e-4
    assert contrast.max() - contrast.min() > 0.95
    saturation = (differences[:, 0] - differences[:, 1]) / contrast / 2
    assert saturation.min() >= -1e-4
    assert saturation.max() <= 2 + 1e-4
    assert saturation.max() - saturation.min() > 1.9
    assert abs(float(torch.corrcoef(torch.stack([brightness, contrast]))[0, 1])) < 0.06


def test_a_translated_image_is_shifted_by_whole_pixels_with_zeros_beyond() -> None:
    pictures = torch.rand(300, 3, 16, 16, generator=source(1)) + 1
    augmented = translate(pictures, source())
    shifts = set()
    for before, after in zip(pictures, augmented, strict=True):
        inside = (after[0] > 0).nonzero()
        top, left = inside.min(dim=0).values.tolist()
        bottom, right = inside.max(dim=0).values.tolist()
        down, across = (top or bottom - 15), (left or right - 15)
        expected = torch.zeros(3, 16, 16)
        rows, columns = slice(max(down, 0), 16 + min(down, 0)), slice(max(across, 0), 16 + min(across, 0))
        from_rows, from_columns = slice(max(-down, 0), 16 - max(down, 0)), slice(max(-across, 0), 16 - max(across, 0))
        expected[:, rows, columns] = before[:, from_rows, from_columns]
        assert torch.equal(after, expected)
        shifts.add((down, across))
    assert {down for down, _ in shifts} == {across for _, across in shifts} == set(range(-2, 3))


def test_a_cut_out_square_has_half_the_side_and_lies_anywhere() -> None:
    augmented = 1 - cut_out(torch.ones(500, 1, 16, 16), source())
    sizes = augmented.sum(dim=(1, 2, 3))
    assert sizes.max() == 64
    assert sizes.min() >= 16  # with its centre in a corner, a quarter of it is inside
    assert (augmented.mean(dim=0) > 0).all()
    one = augmented[sizes == 64][0, 0].nonzero()
    assert (one.max(dim=0).values - one.min(dim=0).values).tolist() == [7, 7]


@pytest.mark.parametrize("change", ["colour", "translation", "cutout"])
def test_augmentation_is_differentiable(change: Change) -> None:
    pictures = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: augment(x, (change,), source(4)), (pictures,))


def test_images_of_a_batch_are_augmented_differently_and_reproducibly() -> None:
    pictures = torch.ones(8, 3, 16, 16)
    every: tuple[Change, ...] = ("cutout", "colour", "translation")
    augmented = augment(pictures, every, source(2))
    assert len({tuple(one.flatten().tolist()) for one in augmented}) == 8
    assert torch.equal(augmented, augment(pictures, every, source(2)))
