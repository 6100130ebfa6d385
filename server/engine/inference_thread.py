"""The one door to a device: a single thread that runs small pieces of work, the most urgent first."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import Any, TypeVar

from latentwalk.errors import Overloaded
from server.jobs.fair_queue import FairQueue

T = TypeVar("T")


class Priority(IntEnum):
    """Who goes first: what a hand is moving now, then what it came to rest on, then pictures, then long work."""

    PREVIEW = 0
    SETTLE = 1
    STILL = 2
    WORK = 3


class InferenceThread:
    """A thread that takes the most urgent waiting piece, one at a time.

    Nothing starves: of every `share` turns one goes to whatever has waited longest. Equally urgent pieces go round by
    person. Long work also keeps clear for `grace` seconds after a preview, because a hand on a slider will be back
    within a frame or two.
    """

    def __init__(self, name: str = "inference", *, share: int = 8, grace: float = 0.03) -> None:
        self._share = share
        self._grace = grace
        self._queues: dict[Priority, FairQueue[tuple[float, Future[Any], Callable[[], Any]]]]
        self._queues = {priority: FairQueue() for priority in Priority}
        self._changed = threading.Condition()
        self._closed = False
        self._passed_over = 0
        self._last_preview = -1e9
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, priority: Priority, function: Callable[[], T], person: str = "") -> Future[T]:
        """Queue `function`; its future holds what it returns or raises."""
        future: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise server_stopping()
            self._queues[priority].put(person, (time.monotonic(), future, function))
            self._changed.notify()
        return future

    async def run(self, priority: Priority, function: Callable[[], T], person: str = "") -> T:
        """`submit`, awaited; a caller that is cancelled before its turn is dropped."""
        return await asyncio.wrap_future(self.submit(priority, function, person))

    def waiting(self) -> dict[Priority, int]:
        """How many pieces wait, by how urgent they are."""
        with self._changed:
            return {priority: len(queue) for priority, queue in self._queues.items()}

    def close(self) -> None:
        """Finish the piece in hand, refuse what waits and end the thread."""
        with self._changed:
            self._closed = True
            waiting = [entry[1] for queue in self._queues.values() for entry in queue.clear()]
            self._changed.notify()
        for future in waiting:  # not cancelled: to those who await it that would look like their own cancelling
            if future.set_running_or_notify_cancel():
                future.set_exception(server_stopping())
        self._thread.join()

    def _run(self) -> None:
        while (piece := self._next()) is not None:
            priority, future, function = piece
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:  # whatever a model raises belongs to the one who asked, not to the lane
                future.set_exception(error)
            if priority is Priority.PREVIEW:
                self._last_preview = time.monotonic()
            del future, function, piece  # a kept result would hold its tensors until the next turn

    def _next(self) -> tuple[Priority, Future[Any], Callable[[], Any]] | None:
        with self._changed:
            while not self._closed:
                priority, patience = self._choose()
                if priority is not None:
                    _, future, function = self._queues[priority].take()
                    return priority, future, function
                self._changed.wait(patience)
            return None

    def _choose(self) -> tuple[Priority | None, float | None]:
        # Whose turn it is; or nobody's, and for how many seconds.
        waiting = [priority for priority in Priority if self._queues[priority]]
        if not waiting:
            return None, None
        owed = self._passed_over >= self._share - 1
        first = waiting[0]
        if len(waiting) > 1 and owed:
            first = min(waiting[1:], key=lambda priority: min(head[0] for head in self._queues[priority].heads()))
        elif first is Priority.WORK and not owed:
            clear = self._last_preview + self._grace - time.monotonic()
            if clear > 0:
                return None, clear
        self._passed_over = self._passed_over + 1 if len(waiting) > 1 and first is waiting[0] else 0
        return first, None


def server_stopping() -> Overloaded:
    """What callers hear once the door is closed."""
    return Overloaded("The server is stopping.", "Try again when it is back.")
