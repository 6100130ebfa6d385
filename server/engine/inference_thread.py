"""The one user of a device: it runs short functions one at a time, the most urgent first."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, TypeVar

from latentwalk.errors import Overloaded
from models.sandbox.device_turn import DeviceTurn, hold_device
from server.jobs.fair_queue import FairQueue

T = TypeVar("T")


class Priority(IntEnum):
    """How urgent a function is: previews of a drag, their exact image, other images, short jobs, long jobs."""

    PREVIEW = 0
    SETTLE = 1
    STILL = 2
    SHORT_WORK = 3
    WORK = 4


MOST_SPARE = 4  # threads kept for the next function that waits


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    queued_at: float
    function: Callable[[], Any] | None  # None: the device goes back to a thread that gave it away
    future: Future[Any]


class InferenceThread:
    """Runs the most urgent queued function, one at a time.

    A function that waits for another process, a file or the network does so in `off_device`: meanwhile another thread
    holds the device and runs the next functions, and the first one queues for it again. Whichever thread it is, only
    one holds the device.

    Nothing starves: one of every `share` calls goes to the one that has waited longest. Calls of equal priority take
    turns by person. Long work does not start within `grace` seconds after a preview, because the next preview of a drag
    follows within a frame or two.
    """

    def __init__(self, name: str = "inference", *, share: int = 8, grace: float = 0.03) -> None:
        self._share = share
        self._grace = grace
        self._queues: dict[Priority, FairQueue[_Call]] = {priority: FairQueue() for priority in Priority}
        self._changed = threading.Condition()
        self._closed = False
        self._passed_over = 0  # calls in a row that went to the most urgent while others waited
        self._last_preview = -1e9
        self._name = name
        self._spare = 0  # threads that wait in `_roles` until one is needed
        self._roles: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._ended = threading.Event()  # nobody holds the device, nor will
        self._start_thread()

    def submit(self, priority: Priority, function: Callable[[], T], person: str = "") -> Future[T]:
        """Queue `function`; the future holds what it returns or raises. Overloaded after `close`."""
        return self._submit(priority, function, person)

    async def run(self, priority: Priority, function: Callable[[], T], person: str = "") -> T:
        """Await `submit`. If the caller is cancelled while the function is queued, it does not run."""
        return await asyncio.wrap_future(self.submit(priority, function, person))

    def waiting(self) -> dict[Priority, int]:
        """The number of queued functions by priority."""
        with self._changed:
            return {priority: len(queue) for priority, queue in self._queues.items()}

    def close(self) -> None:
        """Finish the function that holds the device, refuse the queued ones and those that wait off it, and end."""
        with self._changed:
            self._closed = True
            queued = [call.future for queue in self._queues.values() for call in queue.clear()]
            self._changed.notify()
        for future in queued:  # not cancelled, because the callers would take that for their own cancellation
            if future.set_running_or_notify_cancel():
                future.set_exception(server_stopping())
        self._ended.wait()
        with self._changed:
            spare, self._spare = self._spare, 0
        for _ in range(spare):
            self._roles.put(False)

    def _submit(self, priority: Priority, function: Callable[[], Any] | None, person: str) -> Future[Any]:
        future: Future[Any] = Future()
        with self._changed:
            if self._closed:
                raise server_stopping()
            self._queues[priority].put(person, _Call(time.monotonic(), function, future))
            self._changed.notify()
        return future

    def _start_thread(self) -> None:
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        # The thread holds the device from here on, except while a function is off it.
        while (item := self._next()) is not None:
            priority, person, call = item
            if call.function is None:
                if not self._hand_over(call.future):
                    return
                continue
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                with hold_device(DeviceTurn(self._leave, partial(self._enter, priority, person))):
                    call.future.set_result(call.function())
            except BaseException as error:  # errors of a model belong to the caller, not to this thread
                call.future.set_exception(error)
            if priority is Priority.PREVIEW:
                self._last_preview = time.monotonic()
            del call, item  # a reference to the result would hold its tensors until the next call
        self._ended.set()

    def _leave(self) -> None:
        """Let another thread hold the device."""
        with self._changed:
            spare = self._spare > 0
            self._spare -= spare
        if spare:
            self._roles.put(True)
        else:
            self._start_thread()

    def _enter(self, priority: Priority, person: str) -> None:
        """Wait for the device. Overloaded when the server stops meanwhile: then nobody has it any more."""
        self._submit(priority, None, person).result()

    def _hand_over(self, future: Future[Any]) -> bool:
        """Give the device to the thread that waits for `future`; True once this thread is needed again."""
        with self._changed:
            kept = self._spare < MOST_SPARE and not self._closed
            self._spare += kept
        future.set_result(None)
        return kept and self._roles.get()

    def _next(self) -> tuple[Priority, str, _Call] | None:
        with self._changed:
            while not self._closed:
                priority, timeout = self._choose()
                if priority is not None:
                    return priority, *self._queues[priority].pop_with_person()
                self._changed.wait(timeout)
            return None

    def _choose(self) -> tuple[Priority | None, float | None]:
        """The priority to serve next; or None and the seconds to wait, None for until something is queued."""
        waiting = [priority for priority in Priority if self._queues[priority]]
        if not waiting:
            return None, None
        oldest_first = self._passed_over >= self._share - 1
        chosen = waiting[0]
        if len(waiting) > 1 and oldest_first:
            chosen = min(waiting[1:], key=self._oldest)
        elif chosen >= Priority.SHORT_WORK and not oldest_first:
            remaining = self._last_preview + self._grace - time.monotonic()
            if remaining > 0:
                return None, remaining
        self._passed_over = self._passed_over + 1 if len(waiting) > 1 and chosen is waiting[0] else 0
        return chosen, None

    def _oldest(self, priority: Priority) -> float:
        return min(call.queued_at for call in self._queues[priority].heads())


def server_stopping() -> Overloaded:
    """The error for callers of a server that is shutting down."""
    return Overloaded("The server is stopping.", "Try again when it is back.")
