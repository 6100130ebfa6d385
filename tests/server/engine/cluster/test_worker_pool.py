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

BEAT = 0.01


class Hand:
    """A worker that can die, fall silent, be slow and refuse; what it was asked is noted."""

    def __init__(self, number: int) -> None:
        self.number, self.life = number, 0
        self.dead = self.silent = False
        self.asked: list[str] = []
        self.loads: list[str] = []
        self.refusal: LatentwalkError | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def call(self, method: str, *given: Any) -> Any:
        if self.dead:
            raise WorkerLost("It died")
        while self.silent:
            await asyncio.sleep(BEAT)
        if method == "hello":
            return WorkerInfo("here", self.life, "cpu")
        if method == "load":
            if self.refusal is not None:
                raise self.refusal
            self.loads.append(given[0])
            return WorkerGenerators("fp32", tuple(dict.fromkeys(self.loads))[-3:])
        self.asked.append(method)
        while not self.go.is_set():
            await asyncio.sleep(BEAT / 4)
            if self.dead:
                raise WorkerLost("It died")
        return self.number

    def die(self) -> None:
        self.dead = True

    def come_back(self) -> None:
        self.dead, self.silent, self.life, self.loads = False, False, self.life + 1, []

    def restart(self) -> None:
        self.come_back()


@asynccontextmanager
async def staffed(count: int, **how: Any) -> AsyncIterator[tuple[WorkerPool, list[Hand]]]:
    hands = [Hand(number) for number in range(count)]
    pool = WorkerPool(hands, **{"beat": BEAT, "silence": 0.1, **how})
    pool.start()
    await until(lambda: len(pool.living()) == count)
    try:
        yield pool, hands
    finally:
        await pool.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(BEAT / 2)


async def test_a_generator_is_loaded_by_one_worker_and_asked_of_that_one() -> None:
    async with staffed(3) as (pool, hands):
        answers = [await pool.call("eyes", "still") for _ in range(5)]
        assert len(set(answers)) == 1
        assert sum(hand.loads == ["eyes"] for hand in hands) == 1
        assert pool.loaded() == {"eyes": "fp32"}


async def test_another_generator_goes_to_a_worker_that_holds_less() -> None:
    async with staffed(2) as (pool, _):
        assert await pool.call("eyes", "still") != await pool.call("faces", "still")


async def test_ten_who_want_the_same_generator_have_it_loaded_once() -> None:
    async with staffed(2) as (pool, hands):
        await asyncio.gather(*(pool.call("eyes", "still") for _ in range(10)))
        assert sum(len(hand.loads) for hand in hands) == 1


async def test_among_those_who_hold_it_the_least_busy_is_asked() -> None:
    async with staffed(2) as (pool, hands):
        await pool.place("eyes")
        pool.spread("eyes")
        await until(lambda: len(pool.holders("eyes")) == 2)
        for hand in hands:
            hand.go.clear()
        questions = [asyncio.create_task(pool.call("eyes", "still")) for _ in range(8)]
        await until(lambda: sum(len(hand.asked) for hand in hands) == 8)
        assert [len(hand.asked) for hand in hands] == [4, 4]
        for hand in hands:
            hand.go.set()
        assert Counter(await asyncio.gather(*questions)) == {0: 4, 1: 4}


async def test_only_an_idle_worker_with_room_takes_one_more() -> None:
    async with staffed(2, room=1) as (pool, hands):
        await pool.place("eyes")
        await pool.place("faces")
        pool.spread("eyes")
        await asyncio.sleep(10 * BEAT)
        assert sorted(len(hand.loads) for hand in hands) == [1, 1]


async def test_a_question_of_a_worker_that_dies_is_asked_of_another() -> None:
    async with staffed(2) as (pool, hands):
        first = (await pool.place("eyes")).number
        hands[first].go.clear()
        question = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: hands[first].asked == ["still"])
        hands[first].die()
        assert await question == 1 - first
        assert pool.lost == 1


async def test_a_question_that_two_workers_died_of_is_not_asked_again() -> None:
    async with staffed(3) as (pool, hands):
        for hand in hands:
            hand.go.clear()
        question = asyncio.create_task(pool.call("eyes", "still"))
        for _ in range(2):
            await until(lambda: any(hand.asked and not hand.dead for hand in hands))
            next(hand for hand in hands if hand.asked and not hand.dead).die()
        with pytest.raises(ModelFailed, match="Two workers"):
            await question
        assert sum(bool(hand.asked) for hand in hands) == 2


async def test_a_worker_that_falls_silent_is_passed_over_and_comes_back() -> None:
    async with staffed(2) as (pool, hands):
        first = (await pool.place("eyes")).number
        hands[first].go.clear()
        question = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: hands[first].asked == ["still"])
        hands[first].silent = True
        assert await question == 1 - first
        hands[first].silent = False
        await until(lambda: len(pool.living()) == 2)


async def test_where_it_is_the_only_one_a_silent_worker_is_waited_for() -> None:
    async with staffed(1) as (pool, hands):
        await pool.place("eyes")
        hands[0].go.clear()
        question = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: hands[0].asked == ["still"])
        hands[0].silent = True
        await until(lambda: not pool.living())
        hands[0].silent = False
        hands[0].go.set()
        assert await question == 0


async def test_a_worker_that_stays_silent_is_ended_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "DEAD", 0.3)
    async with staffed(1) as (pool, hands):
        await pool.place("eyes")
        hands[0].silent = True
        await until(lambda: hands[0].life == 1)
        await until(lambda: len(pool.holders("eyes")) == 1)


async def test_a_worker_that_was_started_anew_holds_again_what_it_held() -> None:
    async with staffed(1) as (pool, hands):
        await pool.place("eyes")
        hands[0].die()
        await until(lambda: not pool.living())
        hands[0].come_back()
        await until(lambda: len(pool.holders("eyes")) == 1)
        assert hands[0].loads == ["eyes"]


async def test_who_comes_while_nobody_is_there_waits_for_the_first() -> None:
    async with staffed(1) as (pool, hands):
        hands[0].die()
        await until(lambda: not pool.living())
        question = asyncio.create_task(pool.call("eyes", "still"))
        await asyncio.sleep(5 * BEAT)
        hands[0].come_back()
        assert await question == 0


async def test_where_nobody_comes_a_sentence_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "VACANCY", 0.1)
    async with staffed(1) as (pool, hands):
        hands[0].die()
        await until(lambda: not pool.living())
        with pytest.raises(Overloaded, match="No worker"):
            await pool.call("eyes", "still")


async def test_what_a_worker_refuses_is_refused_and_can_be_asked_again() -> None:
    async with staffed(1) as (pool, hands):
        hands[0].refusal = NotFound("There is no generator “eyes”.")
        with pytest.raises(NotFound, match="eyes"):
            await pool.call("eyes", "still")
        assert len(pool.living()) == 1
        hands[0].refusal = None
        assert await pool.call("eyes", "still") == 0


async def test_whoever_gives_up_waiting_leaves_the_others_alone() -> None:
    async with staffed(1) as (pool, hands):
        await pool.place("eyes")
        hands[0].go.clear()
        impatient = asyncio.create_task(pool.call("eyes", "still"))
        patient = asyncio.create_task(pool.call("eyes", "still"))
        await until(lambda: len(hands[0].asked) == 2)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        hands[0].go.set()
        assert await patient == 0
        assert pool.seats[0].busy == 0
        assert len(pool.living()) == 1


async def test_long_work_counts_as_busy_until_it_is_let_go() -> None:
    async with staffed(2) as (pool, _):
        await pool.place("eyes")
        pool.spread("eyes")
        await until(lambda: len(pool.holders("eyes")) == 2)
        one, other = await pool.take("eyes"), await pool.take("eyes")
        assert one is not other
        pool.leave(one)
        assert await pool.take("eyes") is one
