"""Lines for what only so many may use at once: people take turns at it, however often each of them wants it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Collection

from latentwalk.errors import Overloaded
from server.jobs.fair_queue import FairQueue

MOST_WAITING = 32
MOST_OF_ONE = 16  # of these; the rest is for others


class FairSemaphore:
    """Room for so many at a time. Whoever leaves hands their place on; use on one event loop.

    A person's turn is over when they leave, not when they are let in: whoever came meanwhile goes before what the same
    person wants next. So nobody who waits, and holds no place, is passed twice by the same other person.
    """

    def __init__(self, room: int = 1) -> None:
        if room < 1:
            raise ValueError("nobody would ever be let into a line without room")
        self._free = room
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @contextlib.asynccontextmanager
    async def place(self, person: str = "") -> AsyncIterator[None]:
        """Wait for a place, and hold it until the end of the block."""
        await self._enter(person)
        try:
            yield
        finally:
            self._leave(person)

    async def _enter(self, person: str) -> None:
        if self._free:  # then nobody waits: a place that becomes free is handed on at once
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.put(person, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.sift(_waits)
            else:
                self._leave(person)  # let in, and cancelled before it noticed
            raise

    def _leave(self, person: str) -> None:
        self._waiting.had(person)
        self._waiting.sift(_waits)  # who was cancelled may not have noticed yet
        if self._waiting:
            self._waiting.take().set_result(None)
        else:
            self._free += 1


def _waits(turn: asyncio.Future[None]) -> bool:
    return not turn.done()


def check_waiting(person: str, waiting: Collection[str]) -> None:
    """Overloaded where no further job of this person may wait; `waiting` says whose those are that do already.

    Nobody in particular, "", may have every place.
    """
    if len(waiting) >= MOST_WAITING:
        raise Overloaded(f"{len(waiting)} jobs are waiting already.", "Wait for one to finish, or cancel one.")
    if person and Counter(waiting)[person] >= MOST_OF_ONE:
        raise Overloaded(
            f"{MOST_OF_ONE} jobs of yours are waiting already; the other places are for others.",
            "Wait for one of yours to finish, or cancel one.",
        )
