"""Lines: so many at a time, round and round among people, and no place is ever lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentwalk.errors import Overloaded
from server.jobs.fair_semaphore import MOST_PER_PERSON, MOST_WAITING, FairSemaphore, check_waiting


class Visit:
    """One wish for a place in a line: it goes into the log when it comes, enters and leaves."""

    def __init__(self, line: FairSemaphore, person: str, log: list[tuple[str, str]]) -> None:
        self.line, self.person, self.log = line, person, log
        self.over = asyncio.Event()
        self.inside = self.entered = False
        self.task = asyncio.create_task(self.go())

    async def go(self) -> None:
        self.log.append(("comes", self.person))
        async with self.line.acquire(self.person):
            self.inside = self.entered = True
            self.log.append(("enters", self.person))
            try:
                await self.over.wait()
            finally:
                self.inside = False
                self.log.append(("leaves", self.person))


async def settled() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def visits(line: FairSemaphore, people: str) -> list[Visit]:
    """They come one after the other, and the first of them are let in."""
    log: list[tuple[str, str]] = []
    made = []
    for person in people:
        made.append(Visit(line, person, log))
        await settled()
    return made


async def leaving(every: list[Visit]) -> str:
    """In which order they are let in when one leaves after the other."""
    while here := [visit for visit in every if visit.inside]:
        here[0].over.set()
        await settled()
    return "".join(person for what, person in every[0].log if what == "enters")


async def is_whole(line: FairSemaphore, room: int) -> bool:
    """Whether all places can be had again."""
    every = await visits(line, "x" * (room + 1))
    inside = sum(visit.inside for visit in every)
    await leaving(every)
    return inside == room


async def test_whoever_wants_one_is_second_behind_somebody_who_wants_three() -> None:
    assert await leaving(await visits(FairSemaphore(), "aaab")) == "abaa"


async def test_turns_go_round_and_somebody_new_is_last() -> None:
    assert await leaving(await visits(FairSemaphore(), "aaabbc")) == "abcaba"


async def test_nobody_in_particular_takes_turns_like_everybody() -> None:
    line = FairSemaphore()
    log: list[tuple[str, str]] = []
    every = []
    for person in ("", "", "", "b"):
        every.append(Visit(line, person, log))
        await settled()
    await leaving(every)
    assert [person for what, person in log if what == "enters"] == ["", "b", "", ""]


async def test_a_line_with_room_for_two_lets_in_two() -> None:
    line = FairSemaphore(2)
    every = await visits(line, "aaaab")
    assert [visit.inside for visit in every] == [True, True, False, False, False]
    every[0].over.set()
    await settled()
    assert [visit.inside for visit in every] == [False, True, False, False, True]
    await leaving(every)
    assert await is_whole(line, 2)


def test_a_line_without_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="capacity"):
        FairSemaphore(0)


async def test_who_stops_waiting_is_forgotten_and_costs_nobody_a_turn() -> None:
    line = FairSemaphore()
    every = await visits(line, "xabab")
    every[1].task.cancel()  # and `a` has another one, which keeps the place of this
    await settled()
    assert await leaving(every) == "xabb"
    assert await is_whole(line, 1)


async def test_who_is_cancelled_and_has_not_noticed_is_not_let_in() -> None:
    line = FairSemaphore()
    every = await visits(line, "xab")
    every[0].over.set()
    every[1].task.cancel()  # its task runs after that of the one who leaves
    await settled()
    assert [visit.inside for visit in every] == [False, False, True]
    await leaving(every)
    assert await is_whole(line, 1)


async def test_who_is_cancelled_just_when_let_in_hands_the_place_on() -> None:
    line = FairSemaphore()
    every = await visits(line, "xab")
    every[0].over.set()
    await asyncio.sleep(0)  # the first has left, and the second was let in and has not run yet
    every[1].task.cancel()
    await settled()
    assert (every[1].entered, every[2].inside) == (False, True)
    await leaving(every)
    assert await is_whole(line, 1)


async def test_an_error_inside_gives_the_place_back() -> None:
    line = FairSemaphore()
    with pytest.raises(KeyError):
        async with line.acquire("a"):
            raise KeyError
    assert await is_whole(line, 1)


MOVES = st.tuples(st.sampled_from(["come", "come", "leave"]), st.integers(0, 9), st.just(0))
# At any moment, also just when a place is handed on: so many turns of the loop after one who is inside was let go.
CANCELS = st.tuples(st.sampled_from(["cancel", "leave and cancel"]), st.integers(0, 9), st.integers(0, 2))
CROWD = st.text("abcd", min_size=1, max_size=8)
Action = tuple[str, int, int]


async def played(room: int, crowd: str, actions: list[Action]) -> None:
    line = FairSemaphore(room)
    every = await visits(line, crowd)
    log = every[0].log
    for what, which, ticks in actions:
        await settled()
        inside = [visit for visit in every if visit.inside]
        if what == "come":
            every.append(Visit(line, "abcd"[which % 4], log))
        if "leave" in what and inside:
            inside[which % len(inside)].over.set()
        for _ in range(ticks):
            await asyncio.sleep(0)
        others = [visit for visit in every if not visit.task.done() and not visit.over.is_set()]
        if "cancel" in what and others:
            others[which % len(others)].task.cancel()
        assert sum(visit.inside for visit in every) <= room
    await settled()
    while here := [visit for visit in every if visit.inside]:
        assert len(here) <= room
        here[0].over.set()
        await settled()
    assert all(visit.task.done() for visit in every), "somebody waits for ever"
    assert all(visit.entered or visit.task.cancelled() for visit in every)
    assert await is_whole(line, room)
    if not any("cancel" in what for what, _, _ in actions):
        check_turns(log)


def check_turns(log: list[tuple[str, str]]) -> None:
    """Whoever enters is the person who has waited longest since they came, or since their last turn began or ended."""
    waiting: dict[str, int] = defaultdict(int)
    since: dict[str, int] = {}
    for moment, (what, person) in enumerate(log):
        if what == "comes":
            if not waiting[person]:
                since[person] = moment
            waiting[person] += 1
            continue
        if what == "enters":
            assert since[person] == min(since[other] for other in since if waiting[other]), log
            waiting[person] -= 1
        since[person] = moment


@settings(max_examples=300)
@given(st.integers(1, 2), CROWD, st.lists(MOVES | CANCELS | CANCELS, min_size=1, max_size=20))
def test_whatever_people_do_there_is_room_and_nobody_waits_for_ever(
    room: int, crowd: str, actions: list[Action]
) -> None:
    asyncio.run(played(room, crowd, actions))


@given(st.integers(1, 3), CROWD, st.lists(MOVES, max_size=40))
def test_turns_go_round_whenever_people_come_and_leave(room: int, crowd: str, actions: list[Action]) -> None:
    asyncio.run(played(room, crowd, actions))


def test_one_person_may_take_half_of_the_places_and_all_together_all() -> None:
    mine = ["a"] * (MOST_PER_PERSON - 1)
    check_waiting("a", mine)
    with pytest.raises(Overloaded, match="of yours") as caught:
        check_waiting("a", [*mine, "a"])
    assert caught.value.hint
    check_waiting("b", [*mine, "a"])
    check_waiting("", [""] * (MOST_WAITING - 1))
    with pytest.raises(Overloaded, match="waiting already"):
        check_waiting("b", [""] * MOST_WAITING)
