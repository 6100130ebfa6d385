"""The accuracy score of generators whose skill is known, and its intervals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training.evaluation.classification_accuracy import (
    AccuracyScore,
    accuracy_score,
    class_means,
    score_from_hits,
)
from latentwalk.training.evaluation.classifier_training import FitSettings
from latentwalk.training.evaluation.intervals import bootstrap, wilson
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, Sampler, gather
from tests.latentwalk.training.evaluation.bars import NAMES, bars, grey


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of the real and floor classifiers, shared by all tests."""
    return tmp_path_factory.mktemp("score")


def scored(
    sampler: Sampler, training: LabelledSamples, held_out: LabelledSamples, settings: FitSettings, folder: Path
) -> AccuracyScore:
    generated = finish(gather(sampler, [200] * 3, seed=9))
    return finish(accuracy_score(training, generated, held_out, NAMES, settings, folder))


def test_a_generator_of_real_images_has_skill_one(
    training: LabelledSamples, held_out: LabelledSamples, settings: FitSettings, folder: Path
) -> None:
    score = scored(bars, training, held_out, settings, folder)
    assert score.real.value > 0.97
    assert score.floor.value < 0.8
    assert score.skill == pytest.approx(1, abs=0.05)
    assert score.interval is not None
    assert score.interval[0] <= score.skill <= score.interval[1]
    assert not any(one.is_worse for one in score.classes)


def test_a_constant_generator_has_skill_zero_and_classes_marked_worse(
    training: LabelledSamples, held_out: LabelledSamples, settings: FitSettings, folder: Path
) -> None:
    score = scored(grey, training, held_out, settings, folder)
    assert score.skill == pytest.approx(0, abs=0.4)  # varies by 0.1 to 0.2 with the seed
    assert any(one.is_worse for one in score.classes)
    assert score.to_json()["skill"] == score.skill


def test_a_generator_that_swaps_two_classes_is_worse_for_those_two(
    training: LabelledSamples, held_out: LabelledSamples, settings: FitSettings, folder: Path
) -> None:
    score = scored(lambda n, kind, seed: bars(n, (1, 0, 2)[kind], seed), training, held_out, settings, folder)
    assert [one.is_worse for one in score.classes] == [True, True, False]
    assert score.classes[0].generated.value < 0.1
    assert score.classes[2].generated.value > 0.9


def test_the_floor_has_one_image_per_class(training: LabelledSamples) -> None:
    means = class_means(training, 3)
    assert len(means.images.unique(dim=0)) == 3
    assert torch.equal(means.kinds, training.kinds)


def test_different_counts_and_a_single_class_are_rejected(training: LabelledSamples, settings: FitSettings) -> None:
    fewer = LabelledSamples(training.images[1:], training.kinds[1:])
    with pytest.raises(Invalid, match="differ in number"):
        finish(accuracy_score(training, fewer, training, NAMES, settings))
    with pytest.raises(Invalid, match="without classes"):
        finish(accuracy_score(training, training, training, NAMES[:1], settings))


def test_skill_is_none_if_real_images_are_no_better_than_the_floor() -> None:
    hits = torch.tensor([[True, False], [True, True], [True, False]])
    score = score_from_hits(hits, torch.tensor([0, 1]), ("a", "b"), 2, FitSettings())
    assert score.skill is None
    assert score.interval is None


def test_wilsons_interval_is_the_published_one() -> None:
    assert wilson(10, 20) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10)[1] == pytest.approx(1)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_paired_interval_is_narrow_and_covers_the_difference() -> None:
    source = torch.Generator().manual_seed(0)
    shared = torch.rand(400, generator=source) < 0.5
    other = shared.clone()
    other[:20] = False
    columns = torch.stack([shared, other])
    low, high = bootstrap(columns, lambda means: means[0] - means[1], source) or (0.0, 0.0)
    truth = float(shared.float().mean() - other.float().mean())
    assert low < truth < high
    assert high - low < 0.05  # two separate shares of 400 would give about 0.14
    assert bootstrap(columns * 0, lambda means: means[0] / means[1], source) is None
