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

BEAT = 0.01


class Easel:
    """A drawer whose pictures are the seeds it was given; it can be held up, die, and die of a seed."""

    def __init__(self) -> None:
        self.life, self.dead = 0, False
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.deadly: int | None = None

    async def call(self, method: str, *given: Any) -> Any:
        if self.dead:
            raise WorkerLost("It died")
        if method == "hello":
            return WorkerInfo("here", self.life, "cpu")
        if method == "load":
            return WorkerGenerators("bf16", (given[0],))
        if method == "previews":
            return await self.draw(given[1])
        if method == "pixels":
            return np.full((1, 1, 3), given[0].base.seed, np.uint8)
        edit: Edit = given[0]
        await self.held_up()
        return Frame(str(edit.base.seed).encode(), given[1], 1, 1)

    async def draw(self, edits: list[Edit]) -> list[Answer]:
        seeds = [int(edit.base.seed or 0) for edit in edits]
        self.batches.append(seeds)
        if self.deadly in seeds:
            self.dead = True
        await self.held_up()
        if 666 in seeds:
            raise ValueError("the model broke")
        return [Invalid("Odd.") if seed == 1313 else Frame(str(seed).encode(), "jpg", 1, 1) for seed in seeds]

    async def held_up(self) -> None:
        while not self.go.is_set() and not self.dead:
            await asyncio.sleep(BEAT / 4)
        if self.dead:
            raise WorkerLost("It died")

    def restart(self) -> None:
        self.life, self.dead = self.life + 1, False


@asynccontextmanager
async def studio(count: int, **how: Any) -> AsyncIterator[tuple[ClusterBackend, list[Easel]]]:
    easels = [Easel() for _ in range(count)]
    drawers = WorkerPool(easels, beat=BEAT, silence=0.2)
    cluster = ClusterBackend(drawers, WorkerPool([], beat=BEAT), **how)
    cluster.start()
    await until(lambda: len(drawers.living()) == count)
    await cluster.load("eyes")
    for _ in range(count - 1):
        drawers.spread("eyes")
        await until(lambda: not drawers._loads)
    assert len(drawers.holders("eyes")) == count
    try:
        yield cluster, easels
    finally:
        await cluster.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(BEAT / 2)


def edit(seed: int) -> Edit:
    return parse({"generator": "eyes", "base": {"seed": seed}})


def ask(cluster: ClusterBackend, *seeds: int) -> list[asyncio.Task[tuple[PreviewRequest, Answer]]]:
    return [asyncio.create_task(cluster.preview(ClientSlot(), PreviewRequest(seed, edit(seed)))) for seed in seeds]


async def test_everybody_gets_their_own_picture() -> None:
    async with studio(2) as (cluster, _):
        for seed, (wish, answer) in enumerate(await asyncio.gather(*ask(cluster, *range(40)))):
            assert wish.rev == seed
            assert isinstance(answer, Frame)
            assert answer.data == str(seed).encode()


async def test_what_waits_is_shared_out_among_those_who_are_free() -> None:
    async with studio(2) as (cluster, easels):
        for easel in easels:
            easel.go.clear()
        first = ask(cluster, 0, 1)
        await until(lambda: all(len(easel.batches) == 1 for easel in easels))
        rest = ask(cluster, *range(2, 10))
        await asyncio.sleep(5 * BEAT)
        assert cluster.waiting() == 8
        for easel in easels:
            easel.go.set()
        await asyncio.gather(*first, *rest)
        # The first to be free cannot know when the other will be; then the two go on side by side.
        assert max(len(batch) for easel in easels for batch in easel.batches) <= 8
        assert sum(len(batch) for easel in easels for batch in easel.batches) == 10


async def test_a_newer_edit_overtakes_the_one_that_waits() -> None:
    async with studio(1) as (cluster, easels):
        easels[0].go.clear()
        first = ask(cluster, 0)
        await until(lambda: bool(easels[0].batches))
        slot = ClientSlot()
        task = asyncio.create_task(cluster.preview(slot, PreviewRequest(1, edit(1))))
        await asyncio.sleep(2 * BEAT)
        slot.put(PreviewRequest(2, edit(2)))
        easels[0].go.set()
        wish, _ = await task
        assert wish.rev == 2
        assert easels[0].batches == [[0], [2]]
        await asyncio.gather(*first)


async def test_a_batch_of_a_worker_that_dies_is_drawn_by_another() -> None:
    async with studio(2) as (cluster, easels):
        for easel in easels:
            easel.go.clear()
        tasks = ask(cluster, 0)
        await until(lambda: any(easel.batches for easel in easels))
        next(easel for easel in easels if easel.batches).dead = True
        for easel in easels:
            easel.go.set()
        _, answer = await tasks[0]
        assert isinstance(answer, Frame)


async def test_an_edit_that_workers_die_of_ends_with_a_sentence_and_the_others_go_on() -> None:
    async with studio(3) as (cluster, easels):
        for easel in easels:
            easel.deadly = 66
        _, answer = await ask(cluster, 66)[0]
        assert isinstance(answer, ModelFailed)
        assert "Two workers" in str(answer)
        assert sum(easel.dead for easel in easels) == 2
        _, answer = await ask(cluster, 1)[0]
        assert isinstance(answer, Frame)


async def test_previews_wait_for_a_worker_to_be_replaced() -> None:
    async with studio(1) as (cluster, easels):
        easels[0].go.clear()
        tasks = ask(cluster, 5)
        await until(lambda: bool(easels[0].batches))
        easels[0].dead = True
        await until(lambda: cluster.device == "no worker ×0 of 1")
        easels[0].restart()
        easels[0].go.set()
        _, answer = await tasks[0]
        assert isinstance(answer, Frame)
        assert cluster.device == "cpu ×1"


async def test_what_one_edit_got_wrong_is_told_to_its_person_alone() -> None:
    async with studio(1) as (cluster, easels):
        easels[0].go.clear()
        first = ask(cluster, 0)
        await until(lambda: bool(easels[0].batches))
        rest = ask(cluster, 12, 1313, 14)
        await asyncio.sleep(2 * BEAT)
        easels[0].go.set()
        answers = [answer for _, answer in await asyncio.gather(*first, *rest)]
        assert [isinstance(answer, Frame) for answer in answers] == [True, True, False, True]
        assert str(answers[2]) == "Odd."


async def test_a_model_that_breaks_fails_its_batch_and_nothing_else() -> None:
    async with studio(1) as (cluster, _):
        _, answer = await ask(cluster, 666)[0]
        assert isinstance(answer, ModelFailed)
        _, answer = await ask(cluster, 1)[0]
        assert isinstance(answer, Frame)


async def test_stills_and_pixels_come_from_a_worker() -> None:
    async with studio(2) as (cluster, _):
        assert (await cluster.still(edit(7), "png")).data == b"7"
        assert (await cluster.pixels(edit(7), Priority.WORK)).max() == 7


async def test_too_many_pictures_of_one_person_are_refused_at_once() -> None:
    async with studio(1, max_waiting=8) as (cluster, easels):
        easels[0].go.clear()
        tasks = [asyncio.create_task(cluster.still(edit(n), person="greedy")) for n in range(2)]
        await asyncio.sleep(2 * BEAT)
        with pytest.raises(Overloaded):
            await cluster.still(edit(9), person="greedy")
        easels[0].go.set()
        await asyncio.gather(*tasks)


async def test_too_many_previews_are_refused_at_once() -> None:
    async with studio(1, max_waiting=2) as (cluster, easels):
        easels[0].go.clear()
        tasks = ask(cluster, 0)
        await until(lambda: bool(easels[0].batches))
        answers = ask(cluster, 1, 2, 3)
        await asyncio.sleep(2 * BEAT)
        easels[0].go.set()
        kinds = sorted(type(answer).__name__ for _, answer in await asyncio.gather(*tasks, *answers))
        assert kinds == ["Frame", "Frame", "Frame", "Overloaded"]


async def test_closing_answers_everybody() -> None:
    async with studio(1) as (cluster, easels):
        easels[0].go.clear()
        tasks = ask(cluster, *range(5))
        await until(lambda: bool(easels[0].batches))
        await cluster.close()
        async with asyncio.timeout(5):
            answers = [answer for _, answer in await asyncio.gather(*tasks)]
        assert all(isinstance(answer, LatentwalkError) for answer in answers)
