"""The pile shared out among workers: parts for those who are free, a second try elsewhere, an answer for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from latentwalk.edit import Edit, parse
from latentwalk.errors import Invalid, LatentwalkError, ModelFailed, Overloaded
from latentwalk.rendering.frame import Answer, Frame
from server.engine.cluster.backend import ClusterBackend
from server.engine.cluster.worker_pool import WorkerLost, WorkerPool
from server.engine.cluster.workers import WorkerGenerators, WorkerInfo
from server.engine.inference_thread import Priority
from server.engine.preview_queue import ClientSlot, PreviewRequest

INTERVAL = 0.01


class FakeRenderWorker:
    """A drawer whose pictures are the seeds it was given; it can be held up, die, and die of a seed."""

    def __init__(self) -> None:
        self.restarts, self.is_dead = 0, False
        self.batches: list[list[int]] = []
        self.allowed = asyncio.Event()
        self.allowed.set()
        self.crashing_seed: int | None = None

    async def call(self, method: str, *given: Any) -> Any:
        if self.is_dead:
            raise WorkerLost("It died")
        if method == "ping":
            return WorkerInfo("here", self.restarts, "cpu")
        if method == "load":
            return WorkerGenerators("bf16", (given[0],))
        if method == "previews":
            return await self.draw(given[1])
        if method == "pixels":
            return np.full((1, 1, 3), given[0].base.seed, np.uint8)
        edit: Edit = given[0]
        await self.wait_until_allowed()
        return Frame(str(edit.base.seed).encode(), given[1], 1, 1)

    async def draw(self, groups: list[tuple[Edit, ...]]) -> list[Answer]:
        seeds = [int(edits[0].base.seed or 0) for edits in groups]
        self.batches.append(seeds)
        if self.crashing_seed in seeds:
            self.is_dead = True
        await self.wait_until_allowed()
        if 666 in seeds:
            raise ValueError("the model broke")
        return [Invalid("Odd.") if seed == 1313 else Frame(str(seed).encode(), "jpg", 1, 1) for seed in seeds]

    async def wait_until_allowed(self) -> None:
        while not self.allowed.is_set() and not self.is_dead:
            await asyncio.sleep(INTERVAL / 4)
        if self.is_dead:
            raise WorkerLost("It died")

    def restart(self) -> None:
        self.restarts, self.is_dead = self.restarts + 1, False


@asynccontextmanager
async def running_backend(count: int, **options: Any) -> AsyncIterator[tuple[ClusterBackend, list[FakeRenderWorker]]]:
    workers = [FakeRenderWorker() for _ in range(count)]
    pool = WorkerPool(workers, ping_interval=INTERVAL, ping_timeout=0.2)
    cluster = ClusterBackend(pool, WorkerPool([], ping_interval=INTERVAL), **options)
    cluster.start()
    await until(lambda: len(pool.alive()) == count)
    await cluster.load("eyes")
    for _ in range(count - 1):
        pool.load_on_another("eyes")
        await until(lambda: not pool._loads)
    assert len(pool.with_generator("eyes")) == count
    try:
        yield cluster, workers
    finally:
        await cluster.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(INTERVAL / 2)


def edit(seed: int) -> Edit:
    return parse({"generator": "eyes", "base": {"seed": seed}})


def ask(cluster: ClusterBackend, *seeds: int) -> list[asyncio.Task[tuple[PreviewRequest, Answer]]]:
    return [asyncio.create_task(cluster.preview(ClientSlot(), PreviewRequest(seed, edit(seed)))) for seed in seeds]


async def test_everybody_gets_their_own_picture() -> None:
    async with running_backend(2) as (cluster, _):
        for seed, (request, answer) in enumerate(await asyncio.gather(*ask(cluster, *range(40)))):
            assert request.rev == seed
            assert isinstance(answer, Frame)
            assert answer.data == str(seed).encode()


async def test_what_waits_is_shared_out_among_those_who_are_free() -> None:
    async with running_backend(2) as (cluster, workers):
        for worker in workers:
            worker.allowed.clear()
        first = ask(cluster, 0, 1)
        await until(lambda: all(len(worker.batches) == 1 for worker in workers))
        rest = ask(cluster, *range(2, 10))
        await asyncio.sleep(5 * INTERVAL)
        assert cluster.waiting() == 8
        for worker in workers:
            worker.allowed.set()
        await asyncio.gather(*first, *rest)
        # The first to be free cannot know when the other will be; then the two allowed on side by side.
        assert max(len(batch) for worker in workers for batch in worker.batches) <= 8
        assert sum(len(batch) for worker in workers for batch in worker.batches) == 10


async def test_a_newer_edit_overtakes_the_one_that_waits() -> None:
    async with running_backend(1) as (cluster, workers):
        workers[0].allowed.clear()
        first = ask(cluster, 0)
        await until(lambda: bool(workers[0].batches))
        slot = ClientSlot()
        task = asyncio.create_task(cluster.preview(slot, PreviewRequest(1, edit(1))))
        await asyncio.sleep(2 * INTERVAL)
        slot.put(PreviewRequest(2, edit(2)))
        workers[0].allowed.set()
        request, _ = await task
        assert request.rev == 2
        assert workers[0].batches == [[0], [2]]
        await asyncio.gather(*first)


async def test_a_batch_of_a_worker_that_dies_is_drawn_by_another() -> None:
    async with running_backend(2) as (cluster, workers):
        for worker in workers:
            worker.allowed.clear()
        tasks = ask(cluster, 0)
        await until(lambda: any(worker.batches for worker in workers))
        next(worker for worker in workers if worker.batches).is_dead = True
        for worker in workers:
            worker.allowed.set()
        _, answer = await tasks[0]
        assert isinstance(answer, Frame)


async def test_an_edit_that_workers_die_of_ends_with_a_sentence_and_the_others_go_on() -> None:
    async with running_backend(3) as (cluster, workers):
        for worker in workers:
            worker.crashing_seed = 66
        _, answer = await ask(cluster, 66)[0]
        assert isinstance(answer, ModelFailed)
        assert "Two workers" in str(answer)
        assert sum(worker.is_dead for worker in workers) == 2
        _, answer = await ask(cluster, 1)[0]
        assert isinstance(answer, Frame)


async def test_previews_wait_for_a_worker_to_be_replaced() -> None:
    async with running_backend(1) as (cluster, workers):
        workers[0].allowed.clear()
        tasks = ask(cluster, 5)
        await until(lambda: bool(workers[0].batches))
        workers[0].is_dead = True
        await until(lambda: cluster.device == "no worker ×0 of 1")
        workers[0].restart()
        workers[0].allowed.set()
        _, answer = await tasks[0]
        assert isinstance(answer, Frame)
        assert cluster.device == "cpu ×1"


async def test_what_one_edit_got_wrong_is_told_to_its_person_alone() -> None:
    async with running_backend(1) as (cluster, workers):
        workers[0].allowed.clear()
        first = ask(cluster, 0)
        await until(lambda: bool(workers[0].batches))
        rest = ask(cluster, 12, 1313, 14)
        await asyncio.sleep(2 * INTERVAL)
        workers[0].allowed.set()
        answers = [answer for _, answer in await asyncio.gather(*first, *rest)]
        assert [isinstance(answer, Frame) for answer in answers] == [True, True, False, True]
        assert str(answers[2]) == "Odd."


async def test_a_model_that_breaks_fails_its_batch_and_nothing_else() -> None:
    async with running_backend(1) as (cluster, _):
        _, answer = await ask(cluster, 666)[0]
        assert isinstance(answer, ModelFailed)
        _, answer = await ask(cluster, 1)[0]
        assert isinstance(answer, Frame)


async def test_stills_and_pixels_come_from_a_worker() -> None:
    async with running_backend(2) as (cluster, _):
        assert (await cluster.still(edit(7), "png")).data == b"7"
        assert (await cluster.pixels(edit(7), Priority.WORK)).max() == 7


async def test_too_many_images_of_one_person_are_refused_at_once() -> None:
    async with running_backend(1, max_waiting=8) as (cluster, workers):
        workers[0].allowed.clear()
        tasks = [asyncio.create_task(cluster.still(edit(n), person="greedy")) for n in range(2)]
        await asyncio.sleep(2 * INTERVAL)
        with pytest.raises(Overloaded):
            await cluster.still(edit(9), person="greedy")
        workers[0].allowed.set()
        await asyncio.gather(*tasks)


async def test_too_many_previews_are_refused_at_once() -> None:
    async with running_backend(1, max_waiting=2) as (cluster, workers):
        workers[0].allowed.clear()
        tasks = ask(cluster, 0)
        await until(lambda: bool(workers[0].batches))
        answers = ask(cluster, 1, 2, 3)
        await asyncio.sleep(2 * INTERVAL)
        workers[0].allowed.set()
        kinds = sorted(type(answer).__name__ for _, answer in await asyncio.gather(*tasks, *answers))
        assert kinds == ["Frame", "Frame", "Frame", "Overloaded"]


async def test_closing_answers_everybody() -> None:
    async with running_backend(1) as (cluster, workers):
        workers[0].allowed.clear()
        tasks = ask(cluster, *range(5))
        await until(lambda: bool(workers[0].batches))
        await cluster.close()
        async with asyncio.timeout(5):
            answers = [answer for _, answer in await asyncio.gather(*tasks)]
        assert all(isinstance(answer, LatentwalkError) for answer in answers)
