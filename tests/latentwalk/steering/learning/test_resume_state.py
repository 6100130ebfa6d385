"""Learning that is stopped anywhere and gone on with ends in the same bytes as learning that was left in peace."""

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
from latentwalk.steering.learning.learn import LearnSettings
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.scores import learn as scores
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.settings import ScoreSettings
from server.jobs.checkpoints import Checkpoint
from tests.latentwalk.steering.discs import Discs
from tests.latentwalk.steering.regressors import brightness, redness

Start = Callable[[ResumeState], Work[Direction]]


def by_transform(**settings: object) -> Start:
    how = LearnSettings("brightness", batch=4, **settings)
    return lambda memory: transforms.learn(Discs(), how, memory=memory, created="2026-01-01")


def by_score(differentiable: bool, **settings: object) -> Start:
    how = ScoreSettings("redness", batch=4, samples=64, warm=64, **settings)
    panel = RegressorSet(redness(differentiable), [brightness()])
    return lambda memory: scores.learn(Discs(), panel, how, "red", "Red", memory=memory, created="2026-01-01")


@pytest.fixture(autouse=True)
def _a_clock_that_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    # How long it took is written on the card; all else must not depend on the clock.
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)


@pytest.fixture(autouse=True)
def _short_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    # A card is a function of the direction alone, and takes longer than all the rest.
    def card(*arguments: object) -> Work[dict[str, Any]]:
        yield Progress(1.0, "Measured")
        return {"n": 0}

    monkeypatch.setattr(transforms, "measure", card)
    monkeypatch.setattr(scores, "measure", card)


def stopped_after(start: Start, folder: Path, checkpoints: int, chunks: int) -> None:
    """Runs work until so many checkpoints are written and so many chunks more, then lets go of it as a kill would."""
    work = start(Checkpoint(folder))
    for progress in work:
        if checkpoints == 0:
            chunks -= 1
            if chunks < 0:
                break
        if progress.remember is not None:
            progress.remember()
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
def test_it_ends_in_the_same_bytes(start: Start, checkpoints: int, stops: tuple[int, ...], tmp_path: Path) -> None:
    seen: list[Progress] = []
    whole = to_bytes(finish(start(ResumeState()), seen.append))
    assert sum(progress.remember is not None for progress in seen) == checkpoints
    for stop in stops:
        folder = tmp_path / str(stop)
        stopped_after(start, folder, stop, chunks=3)
        again: list[Progress] = []
        assert to_bytes(finish(start(Checkpoint(folder)), again.append)) == whole
        assert sum(progress.remember is not None for progress in again) == checkpoints - stop


def test_it_may_be_stopped_again_and_again(tmp_path: Path) -> None:
    start = by_transform(steps=65)
    whole = to_bytes(finish(start(ResumeState())))
    for _ in range(3):
        stopped_after(start, tmp_path, 1, chunks=1)
    assert Checkpoint(tmp_path).mark == 3
    assert to_bytes(finish(start(Checkpoint(tmp_path)))) == whole
