"""Sets of bars, and a feature net trained on them once per session."""

from __future__ import annotations

import pytest

from latentwalk.progress import finish
from latentwalk.training.evaluation.classifier_training import FeatureNet, FitSettings, fit
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, gather
from tests.latentwalk.training.evaluation.bars import NAMES, bars

SETTINGS = FitSettings(steps=120, batch=32, width=8, rate=0.05)


@pytest.fixture(scope="session")
def training() -> LabelledSamples:
    return finish(gather(bars, [200] * 3, seed=1))


@pytest.fixture(scope="session")
def held_out() -> LabelledSamples:
    return finish(gather(bars, [200] * 3, seed=2))


@pytest.fixture(scope="session")
def settings() -> FitSettings:
    return SETTINGS


@pytest.fixture(scope="session")
def net(training: LabelledSamples) -> FeatureNet:
    return finish(fit(training, len(NAMES), SETTINGS))
