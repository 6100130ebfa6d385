"""Who of the workers is asked: those with the generator, the least busy, and others where one is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from latentwalk.errors import LatentwalkError, ModelFailed, NotFound, Overloaded
from server.engine.cluster import worker_pool as pools
from server.engine.cluster.worker_pool import WorkerLost, WorkerPool
from server.engine.cluster.workers import WorkerGenerators, WorkerInfo

INTERVAL = 0.01


class FakeWorker:
    """A worker that can die, fall is_silent, be slow and refuse; what it was asked is noted."""

    def __init__(self, number: int) -> None:
        self.number, self.restarts = number, 0
        self.is_dead = self.is_silent = False
        self.asked: list[str] = []
        self.loads: list[str] = []
        self.refusal: LatentwalkError | None = None
        self.allowed = asyncio.Event()
        self.allowed.set()

    async def call(self, method: str, *given: Any) -> Any:
        if self.is_dead:
            raise WorkerLost("It died")
        while self.is_silent:
            await asyncio.sleep(INTERVAL)
        if method == "ping":
            return WorkerInfo("here", self.restarts, "cpu")
        if method == "load":
            if self.refusal is not None:
                raise self.refusal
            self.loads.append(given[0])
            return WorkerGenerators("fp32", tuple(dict.fromkeys(self.loads))[-3:])
        self.asked.append(method)
        while not self.allowed.is_set():
            await asyncio.sleep(INTERVAL / 4)
            if self.is_dead:
                raise WorkerLost("It died")
        return self.number

    def die(self) -> None:
        self.is_dead = True

    def revive(self) -> None:
        self.is_dead, self.is_silent, self.restarts, self.loads = False, False, self.restarts + 1, []

    def restart(self) -> None:
        self.revive()


@asynccontextmanager
async def running_pool(count: int, **options: Any) -> AsyncIterator[tuple[WorkerPool, list[FakeWorker]]]:
    workers = [FakeWorker(number) for number in range(count)]
    pool = WorkerPool(workers, **{"ping_interval": INTERVAL, "ping_timeout": 0.1, **options})
    pool.start()
    await until(lambda: len(pool.alive()) == count)
    try:
        yield pool, workers
    finally:
        await pool.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(INTERVAL / 2)


async def test_a_generator_is_loaded_by_one_worker_and_asked_of_that_one() -> None:
    async with running_pool(3) as (pool, workers):
        answers = [await pool.call("eyes", "still") for _ in range(5)]
        assert len(set(answers)) == 1
        assert sum(worker.loads == ["eyes"] for worker in workers) == 1
        assert pool.loaded() == {"eyes": "fp32"}


async def test_another_generator_goes_to_a_worker_that_holds_less() -> None:
    async with running_pool(2) as (pool, _):
        assert await pool.call("eyes", "still") != await pool.call("faces", "still")


async def test_ten_who_want_the_same_generator_have_it_loaded_once() -> None:
    async with running_pool(2) as (pool, workers):
        await asyncio.gather(*(pool.call("eyes", "still") for _ in range(10)))
        assert sum(len(worker.loads) for worker in workers) == 1


async def test_among_those_who_hold_it_the_least_busy_is_asked() -> None:
    async with running_pool(2) as (pool, workers):
        await pool.find("eyes")
        pool.load_on_another("eyes")
        await until(lambda: len(pool.with_generator("eyes")) == 2)
        for worker in workers:
            worker.allowed.clear()
        calls = [asyncio.create_task(pool.call("eyes", "still")) for _ in range(8)]
        await until(lambda: sum(len(worker.asked) for worker in workers) == 8)
        assert [len(worker.asked) for worker in workers] == [4, 4]
        for worker in workers:
            worker.allowed.set()
        assert Counter(await asyncio.gather(*calls)) == {0: 4, 1: 4}


async def test_only_an_idle_worker_with_room_takes_one_more() -> None:
    async with running_pool(2, capacity=1) as (pool, workers):
        await pool.find("eyes")
        await pool.find("faces")
        pool.load_on_another("eyes")
        await asyncio.sleep(10 * INTERVAL)
        assert sorted(len(worker.loads) for worker in workers) == [1, 1]


async def test_a_question_of_a_worker_that_dies_is_asked_of_another() -> None:
    async with running_pool(2) as (pool, workers):
        first = (await pool.find("eyes")).number
        workers[first].allowed.clear()
        call = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: workers[first].asked == ["still"])
        workers[first].die()
        assert await call == 1 - first
        assert pool.lost == 1


async def test_a_question_that_two_workers_died_of_is_not_asked_again() -> None:
    async with running_pool(3) as (pool, workers):
        for worker in workers:
            worker.allowed.clear()
        call = asyncio.create_task(pool.call("eyes", "still"))
        for _ in range(2):
            await until(lambda: any(worker.asked and not worker.is_dead for worker in workers))
            next(worker for worker in workers if worker.asked and not worker.is_dead).die()
        with pytest.raises(ModelFailed, match="Two workers"):
            await call
        assert sum(bool(worker.asked) for worker in workers) == 2


async def test_a_worker_that_falls_silent_is_passed_over_and_comes_back() -> None:
    async with running_pool(2) as (pool, workers):
        first = (await pool.find("eyes")).number
        workers[first].allowed.clear()
        call = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: workers[first].asked == ["still"])
        workers[first].is_silent = True
        assert await call == 1 - first
        workers[first].is_silent = False
        await until(lambda: len(pool.alive()) == 2)


async def test_where_it_is_the_only_one_a_silent_worker_is_waited_for() -> None:
    async with running_pool(1) as (pool, workers):
        await pool.find("eyes")
        workers[0].allowed.clear()
        call = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: workers[0].asked == ["still"])
        workers[0].is_silent = True
        await until(lambda: not pool.alive())
        workers[0].is_silent = False
        workers[0].allowed.set()
        assert await call == 0


async def test_a_worker_that_stays_silent_is_ended_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "RESTART_AFTER", 0.3)
    async with running_pool(1) as (pool, workers):
        await pool.find("eyes")
        workers[0].is_silent = True
        await until(lambda: workers[0].restarts == 1)
        await until(lambda: len(pool.with_generator("eyes")) == 1)


async def test_a_worker_that_was_started_anew_holds_again_what_it_held() -> None:
    async with running_pool(1) as (pool, workers):
        await pool.find("eyes")
        workers[0].die()
        await until(lambda: not pool.alive())
        workers[0].revive()
        await until(lambda: len(pool.with_generator("eyes")) == 1)
        assert workers[0].loads == ["eyes"]


async def test_who_comes_while_nobody_is_there_waits_for_the_first() -> None:
    async with running_pool(1) as (pool, workers):
        workers[0].die()
        await until(lambda: not pool.alive())
        call = asyncio.create_task(pool.call("eyes", "still"))
        await asyncio.sleep(5 * INTERVAL)
        workers[0].revive()
        assert await call == 0


async def test_where_nobody_comes_a_sentence_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "NO_WORKER_TIMEOUT", 0.1)
    async with running_pool(1) as (pool, workers):
        workers[0].die()
        await until(lambda: not pool.alive())
        with pytest.raises(Overloaded, match="No worker"):
            await pool.call("eyes", "still")


async def test_what_a_worker_refuses_is_refused_and_can_be_asked_again() -> None:
    async with running_pool(1) as (pool, workers):
        workers[0].refusal = NotFound("There is no generator “eyes”.")
        with pytest.raises(NotFound, match="eyes"):
            await pool.call("eyes", "still")
        assert len(pool.alive()) == 1
        workers[0].refusal = None
        assert await pool.call("eyes", "still") == 0


async def test_whoever_gives_up_waiting_leaves_the_others_alone() -> None:
    async with running_pool(1) as (pool, workers):
        await pool.find("eyes")
        workers[0].allowed.clear()
        impatient = asyncio.create_task(pool.call("eyes", "still"))
        patient = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: len(workers[0].asked) == 2)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        workers[0].allowed.set()
        assert await patient == 0
        assert pool.slots[0].pending == 0
        assert len(pool.alive()) == 1


async def test_long_work_counts_as_busy_until_it_is_let_go() -> None:
    async with running_pool(2) as (pool, _):
        await pool.find("eyes")
        pool.load_on_another("eyes")
        await until(lambda: len(pool.with_generator("eyes")) == 2)
        one, other = await pool.reserve("eyes"), await pool.reserve("eyes")
        assert one is not other
        pool.release(one)
        assert await pool.reserve("eyes") is one
