"""A semaphore that people acquire in turn, no matter how often each of them asks; and limits on waiting jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from latentwalk.errors import Overloaded
from server.auth.roles import account_of
from server.jobs.fair_queue import FairQueue

T = TypeVar("T")
MOST_WAITING = 32  # jobs that may wait
MOST_PER_PERSON = 16  # jobs of one person that may wait


@dataclass(frozen=True, slots=True, eq=False)
class _Turn(Generic[T]):
    future: asyncio.Future[None]
    ticket: T | None


class FairSemaphore(Generic[T]):
    """At most `capacity` holders at a time. Use on one event loop.

    Who waits may show a `ticket`; `order` lists those that wait, and `on_change` is called when it has changed.

    A person's turn ends when they release, not when they acquire: people who queued meanwhile go before that person's
    next request. So a waiting person without a slot is never overtaken twice by the same person.
    """

    def __init__(self, capacity: int = 1, on_change: Callable[[], None] = lambda: None) -> None:
        if capacity < 1:
            raise ValueError("the capacity of a semaphore must be at least 1")
        self._free = capacity
        self._on_change = on_change
        self._waiting: FairQueue[_Turn[T]] = FairQueue()

    def order(self) -> list[T]:
        """The tickets of those that wait, in the order in which they are served if nobody joins them."""
        turns = [turn for turn in self._waiting.in_order() if _is_waiting(turn)]
        return [turn.ticket for turn in turns if turn.ticket is not None]

    @contextlib.asynccontextmanager
    async def acquire(self, person: str = "", ticket: T | None = None) -> AsyncIterator[None]:
        """Wait for a slot and hold it until the end of the block."""
        await self._enter(person, ticket)
        try:
            yield
        finally:
            self._release(person)

    async def _enter(self, person: str, ticket: T | None) -> None:
        if self._free:  # then no request waits, because a released slot is handed on at once
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.put(person, _Turn(turn, ticket))
        self._on_change()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.retain(_is_waiting)
                self._on_change()
            else:
                self._release(person)  # cancelled after it was given a slot, before it ran
            raise

    def _release(self, person: str) -> None:
        self._waiting.move_to_back(person)
        self._waiting.retain(_is_waiting)  # a cancelled task may not have run yet
        if self._waiting:
            self._waiting.pop().future.set_result(None)
        else:
            self._free += 1
        self._on_change()


def _is_waiting(turn: _Turn[Any]) -> bool:
    return not turn.future.done()


def check_waiting(person: str, waiting: Collection[str]) -> None:
    """Raise Overloaded if `person` may not queue another job; `waiting` names the owner of each job that waits.

    The limit is that of the person's account, so that nobody has more places by signing in again.

    Anonymous users, "", are limited only by the total.
    """
    if len(waiting) >= MOST_WAITING:
        raise Overloaded(f"{len(waiting)} jobs are waiting already.", "Wait for one to finish, or cancel one.")
    if person and Counter(map(account_of, waiting))[account_of(person)] >= MOST_PER_PERSON:
        raise Overloaded(
            f"{MOST_PER_PERSON} jobs of yours are waiting already; the other places are for others.",
            "Wait for one of yours to finish, or cancel one.",
        )
