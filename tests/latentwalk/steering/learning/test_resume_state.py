"""Learning that is interrupted anywhere and resumed ends in the same bytes as uninterrupted learning."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.progress import Progress, Work, finish
from latentwalk.steering.learning import learn as transforms
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.scores import learn as scores
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.settings import ScoreSettings
from server.jobs.checkpoints import Checkpoint
from tests.latentwalk.steering.discs import Discs
from tests.latentwalk.steering.regressors import brightness, redness

Start = Callable[[ResumeState], Work[Direction]]


def by_transform(**settings: object) -> Start:
    plan = LearnSettings("brightness", batch=4, **settings)
    return lambda resume_state: transforms.learn(Discs(), plan, resume_state=resume_state, created="2026-01-01")


def by_score(differentiable: bool, **settings: object) -> Start:
    plan = ScoreSettings("redness", batch=4, samples=64, warm=64, **settings)
    regressors = RegressorSet(redness(differentiable), [brightness()])
    return lambda resume_state: scores.learn(
        Discs(), regressors, plan, "red", "Red", resume_state=resume_state, created="2026-01-01"
    )


@pytest.fixture(autouse=True)
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    # The card holds the duration; nothing else may depend on the clock.
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)


@pytest.fixture(autouse=True)
def _short_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    # A card is a function of the direction alone, and takes longer than the rest.
    def card(*arguments: object) -> Work[dict[str, Any]]:
        yield Progress(1.0, "Measured")
        return {"n": 0}

    monkeypatch.setattr(transforms, "measure", card)
    monkeypatch.setattr(scores, "measure", card)


def interrupt_after(start: Start, folder: Path, checkpoints: int, chunks: int) -> None:
    """Run work until it wrote that many checkpoints and ran that many chunks more, then abandon it like a kill."""
    work = start(Checkpoint(folder))
    for progress in work:
        if checkpoints == 0:
            chunks -= 1
            if chunks < 0:
                break
        if progress.save_checkpoint is not None:
            progress.save_checkpoint()
            checkpoints -= 1
    work.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "checkpoints", "stops"),
    [
        pytest.param(by_transform(steps=45), 3, (0, 1, 3), id="a line"),
        pytest.param(by_transform(steps=45, walk="path"), 5, (1, 3, 5), id="a path"),
        pytest.param(by_transform(steps=25, twin=True), 4, (1, 3), id="twins"),
        pytest.param(by_score(True, steps=35), 4, (0, 1, 3, 4), id="a score"),
        pytest.param(by_score(True, steps=20, twin=True), 6, (2, 5), id="a score's twins"),
        pytest.param(by_score(False, steps=35), 3, (2,), id="a score without a gradient"),
    ],
)
def test_resumed_learning_ends_in_the_same_bytes(
    start: Start, checkpoints: int, stops: tuple[int, ...], tmp_path: Path
) -> None:
    reports: list[Progress] = []
    whole = to_bytes(finish(start(ResumeState()), reports.append))
    assert sum(progress.save_checkpoint is not None for progress in reports) == checkpoints
    for stop in stops:
        folder = tmp_path / str(stop)
        interrupt_after(start, folder, stop, chunks=3)
        resumed: list[Progress] = []
        assert to_bytes(finish(start(Checkpoint(folder)), resumed.append)) == whole
        assert sum(progress.save_checkpoint is not None for progress in resumed) == checkpoints - stop


def test_learning_can_be_interrupted_repeatedly(tmp_path: Path) -> None:
    start = by_transform(steps=65)
    whole = to_bytes(finish(start(ResumeState())))
    for _ in range(3):
        interrupt_after(start, tmp_path, 1, chunks=1)
    assert Checkpoint(tmp_path).mark == 3
    assert to_bytes(finish(start(Checkpoint(tmp_path)))) == whole
