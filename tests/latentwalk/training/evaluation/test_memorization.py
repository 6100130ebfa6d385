"""Memorization: planted copies are detected, mirrored and noisy ones too, and other samples are not."""

from __future__ import annotations

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training.evaluation.classifier_training import FeatureNet
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, gather, quantise, to_float
from latentwalk.training.evaluation.memorization import (
    compare,
    memorization,
    memorization_in_pixels,
    nearest,
    neighbour_sheet,
)
from tests.latentwalk.training.evaluation.bars import bars


@pytest.fixture(scope="module")
def fresh() -> LabelledSamples:
    return finish(gather(bars, [60] * 3, seed=5))


def test_new_samples_are_as_close_as_held_out_images(
    net: FeatureNet, training: LabelledSamples, held_out: LabelledSamples, fresh: LabelledSamples
) -> None:
    result = finish(memorization(net, fresh.images, training.images, held_out.images))
    assert result.near.value <= 0.04
    assert 0.8 < result.ratio < 1.25
    pixels = finish(memorization_in_pixels(fresh.images, training.images, held_out.images))
    assert pixels.near.value <= 0.04
    assert (result.space, pixels.space) == (net.name, "pixels")


def test_copies_are_detected_in_features_and_in_pixels(
    net: FeatureNet, training: LabelledSamples, held_out: LabelledSamples, fresh: LabelledSamples
) -> None:
    half = torch.cat([fresh.images[::2], training.images[:90]])
    assert finish(memorization(net, half, training.images, held_out.images)).near.value == pytest.approx(0.5, abs=0.04)
    result = finish(memorization_in_pixels(half, training.images, held_out.images))
    assert result.near.value == pytest.approx(0.5, abs=0.04)
    assert result.nearest[90:, 0].tolist() == list(range(90))


def test_mirrored_copies_are_detected(net: FeatureNet, training: LabelledSamples, held_out: LabelledSamples) -> None:
    mirrored = training.images.flip(-1)
    assert finish(memorization(net, mirrored, training.images, held_out.images)).near.value > 0.9


def test_slightly_noisy_copies_are_detected(
    net: FeatureNet, training: LabelledSamples, held_out: LabelledSamples
) -> None:
    noise = torch.randn(training.images.shape, generator=torch.Generator().manual_seed(0)) * 0.02
    noisy = quantise(to_float(training.images) + noise)
    assert finish(memorization(net, noisy, training.images, held_out.images)).near.value > 0.9


def test_the_threshold_is_the_first_percentile_of_held_out_distances() -> None:
    training = torch.zeros(1, 2)
    held_out = torch.arange(1.0, 102)[:, None] * torch.tensor([[1.0, 0.0]])
    samples = torch.tensor([[0.5, 0], [1.99, 0], [2.01, 0], [0, 70]])
    result = finish(compare("plane", samples[None], held_out[None], training))
    assert result.threshold == pytest.approx(2)
    assert result.near.hits == 2
    assert result.ratio == pytest.approx(1.99 / 51, abs=1e-3)


def test_the_nearest_vector_is_found_over_all_views_and_copies_are_at_zero() -> None:
    training = torch.randn(50, 8, generator=torch.Generator().manual_seed(0)) * 100
    views = torch.stack([training + 1000, training.flip(0)])
    result, rows = finish(nearest(views, training, 2))
    assert float(result[:, 0].max()) == 0
    assert rows[:, 0].tolist() == list(range(49, -1, -1))


def test_too_few_held_out_images_are_rejected() -> None:
    with pytest.raises(Invalid, match="Too few pictures were held out"):
        finish(compare("plane", torch.zeros(1, 2, 2), torch.zeros(1, 99, 2), torch.zeros(3, 2)))


def test_the_sheet_shows_each_sample_beside_its_neighbours(training: LabelledSamples) -> None:
    rows = torch.tensor([[3, 4, 5]]).expand(10, -1)
    sheet = neighbour_sheet(training.images[100:110], training.images, rows, count=6)
    assert sheet.dtype == torch.uint8
    assert sheet.shape == (2 * (16 + 1), 4 * (4 * 16 + 2), 3)
    assert torch.equal(sheet[:16, :16].permute(2, 0, 1), training.images[100])
    assert torch.equal(sheet[:16, 16:32].permute(2, 0, 1), training.images[3])
    assert torch.equal(sheet[17:33, 66 + 48 : 66 + 64].permute(2, 0, 1), training.images[5])
    assert int(sheet[17:, 2 * 66 :].min()) == 255  # six samples leave two places empty
