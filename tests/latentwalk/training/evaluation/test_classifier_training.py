"""Training the feature net: it learns, is reproducible, and resumes exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training.evaluation import classifier_training
from latentwalk.training.evaluation.classifier_training import FeatureNet, FitSettings, features, fit, load, scores
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, gather, quantise, to_float
from latentwalk.training.evaluation.recognition import recognition
from models.networks.classifier import Classifier
from tests.latentwalk.training.evaluation.bars import NAMES, bars


def same(one: FeatureNet, other: FeatureNet) -> bool:
    return one.fingerprint == other.fingerprint


def test_it_classifies_held_out_images(net: FeatureNet, held_out: LabelledSamples) -> None:
    result = finish(recognition(net, held_out))
    assert result.overall.value > 0.97
    assert sum(share.hits for share in result.classes) == result.overall.hits
    assert result.net == net.name
    assert net.name.startswith("net-")


def test_mistakes_are_counted_by_predicted_class(net: FeatureNet, held_out: LabelledSamples) -> None:
    swapped = LabelledSamples(held_out.images, (held_out.kinds + 1) % 3)
    result = finish(recognition(net, swapped))
    assert result.overall.value < 0.03
    assert {row[:2] for row in result.confusions[:3]} == {(1, 0), (2, 1), (0, 2)}


def test_the_seed_determines_the_weights(net: FeatureNet, training: LabelledSamples, settings: FitSettings) -> None:
    assert same(finish(fit(training, 3, settings)), net)
    assert not same(finish(fit(training, 3, replace(settings, seed=1))), net)


def test_a_resumed_training_equals_an_uninterrupted_one(
    tmp_path: Path, net: FeatureNet, training: LabelledSamples, settings: FitSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier_training, "STORE", 40)
    file = tmp_path / "net.safetensors"
    work = fit(training, 3, settings, file)
    next(work)  # step 50
    work.close()
    with pytest.raises(Invalid, match="not finished"):
        load(file)
    steps: list[int] = []
    resumed = finish(fit(training, 3, settings, file), lambda progress: steps.append(progress.detail["step"]))
    assert same(resumed, net)
    assert steps == [50, 100, 120]
    assert same(load(file), net)
    assert finish(fit(training, 3, settings, file)).fingerprint == net.fingerprint


def test_a_checkpoint_of_other_samples_is_not_resumed(
    tmp_path: Path, net: FeatureNet, training: LabelledSamples, held_out: LabelledSamples, settings: FitSettings
) -> None:
    file = tmp_path / "net.safetensors"
    finish(fit(held_out, 3, settings, file))
    assert same(finish(fit(training, 3, settings, file)), net)


def test_scores_of_an_image_do_not_depend_on_the_batch(net: FeatureNet, held_out: LabelledSamples) -> None:
    some = held_out.images[::60]
    together = finish(scores(net, some))
    apart = torch.cat([finish(scores(net, one[None])) for one in some])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


def test_scores_are_a_linear_function_of_features(net: FeatureNet, held_out: LabelledSamples) -> None:
    some = held_out.images[::60]
    result = finish(features(net, some))
    assert result.shape == (len(some), net.classifier.size)
    torch.testing.assert_close(net.classifier.scores(result), finish(scores(net, some)))
    mirrored = finish(features(net, some.flip(-1)))
    torch.testing.assert_close(mirrored, finish(features(net, some, flipped=True)))


@pytest.mark.parametrize("side", [4, 12, 0])
def test_a_side_that_is_not_a_power_of_two_is_rejected(side: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Classifier(max(side, 1), 3)


@pytest.mark.parametrize("side", [8, 32, 64, 128])
def test_the_number_of_features_is_the_same_for_every_side(side: int) -> None:
    model = Classifier(side, 5, width=8).eval()
    assert model.features(torch.zeros(2, 3, side, side)).shape == (2, model.size)


def test_quantised_samples_are_within_one_8_bit_step() -> None:
    images = torch.linspace(-1.2, 1.2, 48).reshape(1, 3, 4, 4)
    pixels = quantise(images)
    assert pixels.dtype == torch.uint8
    assert int(pixels.max()) == 255
    assert float((to_float(pixels) - images.clamp(-1, 1)).abs().max()) <= 1 / 127.5
    assert torch.equal(quantise(to_float(pixels)), pixels)


def test_gathering_is_reproducible_and_every_chunk_has_its_own_seed() -> None:
    seeds: list[int] = []

    def recording(count: int, kind: int, seed: int) -> torch.Tensor:
        seeds.append(seed)
        return bars(count, kind, seed)

    first = finish(gather(recording, [130, 0, 70], seed=3))
    assert len({seed % 2**32 for seed in seeds}) == len(seeds) == 5
    assert first.kinds.bincount(minlength=3).tolist() == [130, 0, 70]
    assert torch.equal(first.images, finish(gather(bars, [130, 0, 70], seed=3)).images)
    assert not torch.equal(first.images, finish(gather(bars, [130, 0, 70], seed=4)).images)


def test_gathering_no_images_or_too_few_is_an_error() -> None:
    with pytest.raises(Invalid, match="No pictures were requested"):
        finish(gather(bars, [0, 0], seed=0))
    with pytest.raises(Invalid, match="returned 4 of 5"):
        finish(gather(lambda count, kind, seed: bars(count - 1, kind, seed), [5], seed=0))


def test_there_are_three_classes() -> None:
    assert len(NAMES) == 3
