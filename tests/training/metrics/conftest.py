"""The bars in numbers, and a net trained on them once."""

from __future__ import annotations

import pytest

from server.steering.progress import finish
from server.training.metrics.classify import FitSettings, Net, fit
from server.training.metrics.samples import Labelled, gather
from tests.training.metrics.bars import NAMES, bars

SETTINGS = FitSettings(steps=120, batch=32, width=8, rate=0.05)


@pytest.fixture(scope="session")
def training() -> Labelled:
    return finish(gather(bars, [200] * 3, seed=1))


@pytest.fixture(scope="session")
def held_out() -> Labelled:
    return finish(gather(bars, [200] * 3, seed=2))


@pytest.fixture(scope="session")
def settings() -> FitSettings:
    return SETTINGS


@pytest.fixture(scope="session")
def net(training: Labelled) -> Net:
    return finish(fit(training, len(NAMES), SETTINGS))
