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
from latentwalk.steering.learning.settings import LearnSettings
from models.catalogue import local
from server.engine.cluster import worker_pool as pools
from server.engine.cluster.remote_learning import CONTINUING, WAITING, learn_remotely
from server.engine.cluster.worker_pool import WorkerLost, WorkerPool
from server.engine.cluster.workers import LearningWorker
from server.jobs.checkpoints import Checkpoints
from server.services.learning_tasks import LearningTasks
from server.settings import Settings
from server.storage.library import Library
from tests.conftest import styled

INTERVAL = 0.02


@pytest.fixture(autouse=True)
def this_process_keeps_its_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learning worker gives way to others; here it runs in the process of the tests, which go on afterwards."""
    monkeypatch.setattr("server.engine.cluster.workers.os.nice", lambda niceness: 0)


class LocalLearner:
    """A learner in this process that can die after some of its steps, once or always; a new one begins with nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.learner = LearningWorker(settings, 1, LearningTasks)
        self.steps = 0
        self.crash_after: int | None = None
        self.always_crashes = False  # those that follow die too
        self.unreachable = False

    async def call(self, method: str, *given: Any) -> Any:
        if self.unreachable:
            raise WorkerLost("It is unreachable")
        if method == "step":
            self.steps += 1
            if self.crash_after is not None and self.steps > self.crash_after:
                self.restart()
                self.crash_after = self.crash_after if self.always_crashes else None
                raise WorkerLost("It died")
        return await getattr(self.learner, method)(*given)

    def restart(self) -> None:
        self.learner.inference_thread.close()
        self.steps, self.learner = 0, LearningWorker(self._settings, 1, LearningTasks)


@asynccontextmanager
async def learning_pool(home: Path, count: int = 1) -> AsyncIterator[tuple[WorkerPool, list[LocalLearner]]]:
    local.save(home / "generators", *styled())
    workers = [LocalLearner(Settings(home=home, device="cpu")) for _ in range(count)]
    pool = WorkerPool(workers, ping_interval=INTERVAL, kind="learner")
    pool.start()
    try:
        yield pool, workers
    finally:
        await pool.close()
        for worker in workers:
            worker.learner.inference_thread.close()


def request(id: str, **more: Any) -> dict[str, Any]:
    settings = LearnSettings("brightness", steps=30, layers="all", **more)
    date = datetime.date(2026, 1, 1).isoformat()
    return {"generator": "styled", "created": date, "precision": "fp32", "settings": asdict(settings), "id": id}


def run(work: Work[Any]) -> tuple[Any, list[str]]:
    """What the work gives, and what it messages on its way."""
    messages = []
    while True:
        try:
            step: Progress = next(work)
        except StopIteration as done:
            return done.value, messages
        if step.save_checkpoint is not None:
            step.save_checkpoint()
        messages.append(step.message)


async def learn(pool: WorkerPool, home: Path, job: str, request: dict[str, Any]) -> tuple[Any, list[str]]:
    loop, state = asyncio.get_running_loop(), Checkpoints(home / "checkpoints").open(job)
    return await asyncio.to_thread(lambda: run(learn_remotely(pool, loop, "learn", request, state)))


def vectors(home: Path, id: str) -> dict[str, torch.Tensor]:
    return dict(Library(home).direction("styled", id).walk.tensors())


async def test_a_slider_learned_elsewhere_is_kept_where_all_see_it(home: Path) -> None:
    async with learning_pool(home) as (pool, _):
        result, messages = await learn(pool, home, "j-1", request("bright"))
    assert result == {"generator": "styled", "direction": "bright"}
    assert messages[0].startswith("Step ")
    assert Library(home).direction("styled", "bright").name == "Bright"


async def test_a_worker_that_dies_is_followed_by_another_and_nothing_is_changed_by_it(home: Path) -> None:
    async with learning_pool(home) as (pool, _):
        await learn(pool, home, "j-1", request("whole"))
    async with learning_pool(home, 2) as (pool, workers):
        for worker in workers:
            worker.crash_after = 25
        _, messages = await learn(pool, home, "j-2", request("broken"))
        assert CONTINUING in messages
    whole, broken = vectors(home, "whole"), vectors(home, "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


async def test_work_that_workers_die_of_is_given_up(home: Path) -> None:
    async with learning_pool(home) as (pool, workers):
        workers[0].crash_after, workers[0].always_crashes = 2, True  # no checkpoint comes so early
        with pytest.raises(ModelFailed, match="3 workers were lost"):
            await learn(pool, home, "j-1", request("bright"))
        async with asyncio.timeout(30):  # the restarted worker loads its generator again
            while pool.slots[0].pending:
                await asyncio.sleep(INTERVAL)


async def test_what_cannot_be_learned_is_refused_with_the_workers_own_words(home: Path) -> None:
    async with learning_pool(home) as (pool, _):
        with pytest.raises(NotFound, match="no generator"):
            await learn(pool, home, "j-1", {**request("bright"), "generator": "nobody"})
        with pytest.raises(LatentwalkError, match="transform"):
            await pool.call("styled", "check", "learn", request("bright") | {"settings": {"transform": "taste"}})


async def test_where_all_workers_are_away_the_job_waits_and_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "NO_WORKER_TIMEOUT", 0.2)
    async with learning_pool(home) as (pool, workers):
        workers[0].unreachable = True
        while pool.alive():
            await asyncio.sleep(INTERVAL)
        task = asyncio.create_task(learn(pool, home, "j-1", request("bright")))
        await asyncio.sleep(1)
        workers[0].unreachable = False
        result, messages = await task
    assert messages[0] == WAITING
    assert result["direction"] == "bright"


async def test_stopping_lets_go_of_the_job(home: Path) -> None:
    async with learning_pool(home) as (pool, workers):
        loop, state = asyncio.get_running_loop(), Checkpoints(home / "checkpoints").open("j-1")

        def begin_and_stop() -> None:
            work = learn_remotely(pool, loop, "learn", request("bright"), state)
            next(work)
            assert workers[0].learner._work
            work.close()

        await asyncio.to_thread(begin_and_stop)
        await asyncio.sleep(0)
        assert not workers[0].learner._work
        assert pool.slots[0].pending == 0
