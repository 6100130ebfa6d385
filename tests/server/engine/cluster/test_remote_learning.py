"""Learning elsewhere: the same slider as here, taken up by another worker from where the lost one was."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from latentwalk.errors import LatentwalkError, ModelFailed, NotFound
from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.learn import LearnSettings
from models.catalogue import local
from server.engine.cluster import worker_pool as pools
from server.engine.cluster.remote_learning import GOING_ON, NOBODY, learn_remotely
from server.engine.cluster.worker_pool import WorkerLost, WorkerPool
from server.engine.cluster.workers import LearningWorker
from server.jobs.checkpoints import Checkpoints
from server.settings import Settings
from server.storage.library import Library
from tests.conftest import styled

BEAT = 0.02


class Here:
    """A learner in this process that can die after some of its steps, once or always; a new one begins with nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.worker = LearningWorker(settings)
        self.steps = 0
        self.dies_after: int | None = None
        self.mortal = False  # those that follow die too
        self.away = False

    async def call(self, method: str, *given: Any) -> Any:
        if self.away:
            raise WorkerLost("It is away")
        if method == "step":
            self.steps += 1
            if self.dies_after is not None and self.steps > self.dies_after:
                self.restart()
                self.dies_after = self.dies_after if self.mortal else None
                raise WorkerLost("It died")
        return await getattr(self.worker, method)(*given)

    def restart(self) -> None:
        self.worker.lane.close()
        self.steps, self.worker = 0, LearningWorker(self._settings)


@asynccontextmanager
async def school(home: Path, count: int = 1) -> AsyncIterator[tuple[WorkerPool, list[Here]]]:
    local.save(home / "generators", *styled())
    hands = [Here(Settings(home=home, device="cpu")) for _ in range(count)]
    pool = WorkerPool(hands, beat=BEAT, kind="learner")
    pool.start()
    try:
        yield pool, hands
    finally:
        await pool.close()
        for hand in hands:
            hand.worker.lane.close()


def wish(id: str, **more: Any) -> dict[str, Any]:
    settings = LearnSettings("brightness", steps=30, layers="all", **more)
    date = datetime.date(2026, 1, 1).isoformat()
    return {"generator": "styled", "created": date, "precision": "fp32", "settings": asdict(settings), "id": id}


def run(work: Work[Any]) -> tuple[Any, list[str]]:
    """What the work gives, and what it said on its way."""
    said = []
    while True:
        try:
            step: Progress = next(work)
        except StopIteration as done:
            return done.value, said
        if step.remember is not None:
            step.remember()
        said.append(step.message)


async def learned(pool: WorkerPool, home: Path, job: str, request: dict[str, Any]) -> tuple[Any, list[str]]:
    loop, memory = asyncio.get_running_loop(), Checkpoints(home / "checkpoints").of(job)
    return await asyncio.to_thread(lambda: run(learn_remotely(pool, loop, "learn", request, memory)))


def vectors(home: Path, id: str) -> dict[str, torch.Tensor]:
    return dict(Library(home).direction("styled", id).walk.tensors())


async def test_a_slider_learned_elsewhere_is_kept_where_all_see_it(home: Path) -> None:
    async with school(home) as (pool, _):
        result, said = await learned(pool, home, "j-1", wish("bright"))
    assert result == {"generator": "styled", "direction": "bright"}
    assert said[0].startswith("Step ")
    assert Library(home).direction("styled", "bright").name == "Bright"


async def test_a_worker_that_dies_is_followed_by_another_and_nothing_is_changed_by_it(home: Path) -> None:
    async with school(home) as (pool, _):
        await learned(pool, home, "j-1", wish("whole"))
    async with school(home, 2) as (pool, hands):
        for hand in hands:
            hand.dies_after = 25
        _, said = await learned(pool, home, "j-2", wish("broken"))
        assert GOING_ON in said
    whole, broken = vectors(home, "whole"), vectors(home, "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


async def test_work_that_workers_die_of_is_given_up(home: Path) -> None:
    async with school(home) as (pool, hands):
        hands[0].dies_after, hands[0].mortal = 2, True  # no checkpoint comes so early
        with pytest.raises(ModelFailed, match="3 workers were lost"):
            await learned(pool, home, "j-1", wish("bright"))
        assert pool.seats[0].busy == 0


async def test_what_cannot_be_learned_is_refused_with_the_workers_own_words(home: Path) -> None:
    async with school(home) as (pool, _):
        with pytest.raises(NotFound, match="no generator"):
            await learned(pool, home, "j-1", {**wish("bright"), "generator": "nobody"})
        with pytest.raises(LatentwalkError, match="transform"):
            await pool.call("styled", "check", "learn", wish("bright") | {"settings": {"transform": "taste"}})


async def test_where_all_workers_are_away_the_job_waits_and_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "VACANCY", 0.2)
    async with school(home) as (pool, hands):
        hands[0].away = True
        while pool.living():
            await asyncio.sleep(BEAT)
        task = asyncio.create_task(learned(pool, home, "j-1", wish("bright")))
        await asyncio.sleep(1)
        hands[0].away = False
        result, said = await task
    assert said[0] == NOBODY
    assert result["direction"] == "bright"


async def test_stopping_lets_go_of_the_job(home: Path) -> None:
    async with school(home) as (pool, hands):
        loop, memory = asyncio.get_running_loop(), Checkpoints(home / "checkpoints").of("j-1")

        def begin_and_stop() -> None:
            work = learn_remotely(pool, loop, "learn", wish("bright"), memory)
            next(work)
            assert hands[0].worker._work
            work.close()

        await asyncio.to_thread(begin_and_stop)
        await asyncio.sleep(0)
        assert not hands[0].worker._work
        assert pool.seats[0].busy == 0
