"""Chooses the worker for each call: one that is alive, has the generator loaded and is the least busy."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from latentwalk.errors import LatentwalkError, ModelFailed, Overloaded
from models.base import Precision
from server.engine.cluster.workers import WorkerGenerators, WorkerInfo

log = logging.getLogger(__name__)

PING_INTERVAL = 1.0  # seconds between pings of a worker
PING_TIMEOUT = 2.5  # seconds without an answer to a ping after which other workers are called instead
RESTART_AFTER = 20.0  # seconds without an answer after which a worker is killed and restarted
CALL_TIMEOUT, LOAD_TIMEOUT = 60.0, 600.0  # seconds for a call to a worker that is alive, and for loading a generator
NO_WORKER_TIMEOUT = 20.0  # seconds that a call waits while no worker is alive


class WorkerLost(Exception):
    """A worker died or does not answer; the call can be repeated on another."""


class WorkerHandle(Protocol):
    """A connection to one worker process, which the engine restarts when it dies."""

    async def call(self, method: str, *arguments: Any) -> Any:
        """The result of a method of the worker. Raises what the method raises, or WorkerLost."""

    def restart(self) -> None:
        """Kill the worker, even if it hangs, and start it again."""


@dataclass(slots=True, eq=False)
class WorkerSlot:
    """The state of one worker: `info` while it is alive, the generators it has loaded, and its unanswered calls.

    `pending` counts unanswered calls and reservations for long work, `last_seen` is the time of its last answer.
    """

    number: int
    handle: WorkerHandle
    info: WorkerInfo | None = None
    generators: tuple[str, ...] = ()
    pending: int = 0
    last_seen: float = field(default_factory=time.monotonic)
    calls: set[asyncio.Future[Any]] = field(default_factory=set)

    @property
    def is_alive(self) -> bool:
        """True if the worker answered its last ping."""
        return self.info is not None


class WorkerPool:
    """Workers of one kind, each of which keeps up to `capacity` generators in memory. Use on one event loop.

    `on_change` is called whenever a worker appears, is lost or has loaded a generator; `lost` counts losses.
    """

    def __init__(
        self, handles: Sequence[WorkerHandle], *, capacity: int = 3, kind: str = "worker",
        ping_interval: float = PING_INTERVAL, ping_timeout: float = PING_TIMEOUT,
    ) -> None:  # fmt: skip
        self.slots = [WorkerSlot(number, handle) for number, handle in enumerate(handles)]
        self.precisions: dict[str, Precision] = {}
        self.lost = 0
        self.on_change: Callable[[], None] = lambda: None
        self._capacity, self._kind = capacity, kind
        self._ping_interval, self._ping_timeout = ping_interval, ping_timeout
        self._loads: dict[tuple[WorkerSlot, str], asyncio.Task[WorkerGenerators]] = {}
        self._changed = asyncio.Event()
        self._pings: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to ping the workers."""
        self._pings = [asyncio.create_task(self._ping(slot), name=f"ping {self._kind}") for slot in self.slots]

    async def close(self) -> None:
        """Stop pinging and loading."""
        tasks = [*self._pings, *self._loads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def alive(self) -> list[WorkerSlot]:
        """The workers that are alive."""
        return [slot for slot in self.slots if slot.is_alive]

    def with_generator(self, generator: str) -> list[WorkerSlot]:
        """The workers that are alive and have the generator loaded, the least busy first."""
        return sorted((slot for slot in self.alive() if generator in slot.generators), key=lambda slot: slot.pending)

    def loaded(self) -> Mapping[str, Precision]:
        """The preview precision of every generator that a living worker has loaded, by name."""
        names = dict.fromkeys(name for slot in self.alive() for name in slot.generators)
        return {name: self.precisions[name] for name in names}

    async def call(self, generator: str, method: str, *arguments: Any) -> Any:
        """Call the best worker for a generator, and another one if that worker is lost.

        Raises what the method raises; ModelFailed if two workers are lost, Overloaded if none is alive.
        """
        slot = None
        for _ in range(2):
            slot = await self.find(generator, avoid=slot)
            try:
                return await self.call_worker(slot, method, *arguments)
            except WorkerLost:
                continue
        raise two_workers_lost()

    async def call_worker(self, slot: WorkerSlot, method: str, *arguments: Any, timeout: float = CALL_TIMEOUT) -> Any:
        """Call one worker. WorkerLost if it dies or times out, or stops answering while another one is alive."""
        call = asyncio.ensure_future(slot.handle.call(method, *arguments))
        slot.calls.add(call)
        slot.pending += 1
        try:
            async with asyncio.timeout(timeout):
                return await call
        except TimeoutError:
            raise WorkerLost(f"It took longer than {timeout:g} s") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise WorkerLost("It stopped answering") from None  # the call was cancelled by `_mark_lost`, not its caller
        except WorkerLost as error:
            self._mark_lost(slot, error)
            raise
        finally:
            slot.calls.discard(call)
            slot.pending -= 1

    async def find(self, generator: str, avoid: WorkerSlot | None = None) -> WorkerSlot:
        """A worker with the generator, loaded if necessary; `avoid` only if no other is alive.

        Waits for a worker if none is alive. Overloaded if none appears within NO_WORKER_TIMEOUT.
        """
        until = time.monotonic() + NO_WORKER_TIMEOUT
        while True:
            candidates = [slot for slot in self.alive() if slot is not avoid] or self.alive()
            ready = [slot for slot in self.with_generator(generator) if slot in candidates]
            if ready:
                return ready[0]
            if candidates:
                with suppress(WorkerLost):
                    await self._load(self._best_to_load(candidates, generator), generator)
                continue
            if (remaining := until - time.monotonic()) <= 0:
                raise Overloaded("No worker is available.", "Try again in a moment; the server's log has the details.")
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._changed.wait()

    async def reserve(self, generator: str) -> WorkerSlot:
        """A worker for long work, counted as busy until `release`."""
        slot = await self.find(generator)
        slot.pending += 1
        return slot

    def release(self, slot: WorkerSlot) -> None:
        """End a reservation."""
        slot.pending -= 1

    def load_on_another(self, generator: str) -> None:
        """Start to load a generator in demand on one more worker, if one is idle and has room for it."""
        idle = [
            slot
            for slot in self.alive()
            if not slot.pending and generator not in slot.generators and len(slot.generators) < self._capacity
        ]
        if idle and not any(name == generator for _, name in self._loads):
            self._start_load(idle[0], generator)

    def _best_to_load(self, slots: Sequence[WorkerSlot], generator: str) -> WorkerSlot:
        loading = [slot for slot in slots if (slot, generator) in self._loads]
        return loading[0] if loading else min(slots, key=lambda slot: (len(slot.generators), slot.pending))

    async def _load(self, slot: WorkerSlot, generator: str) -> None:
        await asyncio.shield(self._start_load(slot, generator))

    def _start_load(self, slot: WorkerSlot, generator: str) -> asyncio.Task[WorkerGenerators]:
        key = (slot, generator)
        if key not in self._loads:
            self._loads[key] = asyncio.create_task(self.call_worker(slot, "load", generator, timeout=LOAD_TIMEOUT))
            self._loads[key].add_done_callback(lambda task: self._on_loaded(slot, generator, task))
        return self._loads[key]

    def _on_loaded(self, slot: WorkerSlot, generator: str, task: asyncio.Task[WorkerGenerators]) -> None:
        del self._loads[slot, generator]
        if task.cancelled() or task.exception() is not None or not slot.is_alive:
            return  # the caller that awaits the task gets its error
        self.precisions[generator] = task.result().precision
        slot.generators = task.result().generators
        self._notify()

    async def _ping(self, slot: WorkerSlot) -> None:
        while True:
            try:
                async with asyncio.timeout(self._ping_timeout):
                    info: WorkerInfo = await slot.handle.call("ping")
            except TimeoutError:
                self._mark_lost(slot, WorkerLost("it does not answer"))
            except WorkerLost as error:
                self._mark_lost(slot, error)
            else:
                self._mark_alive(slot, info)
            if time.monotonic() - slot.last_seen > RESTART_AFTER:
                slot.last_seen = time.monotonic()
                if slot.calls or slot.generators:  # a worker that never answered waits for resources; it does not hang
                    log.warning("Restarting %s %d.", self._kind, slot.number)
                    slot.handle.restart()
            await asyncio.sleep(self._ping_interval)

    def _mark_alive(self, slot: WorkerSlot, info: WorkerInfo) -> None:
        slot.last_seen = time.monotonic()
        if slot.info == info:
            return
        generators = slot.generators  # a restarted worker loads again what it had loaded
        slot.info, slot.generators = info, ()
        log.info("The %s %d is available: process %d on %s.", self._kind, slot.number, info.pid, info.host)
        for generator in generators:
            self._start_load(slot, generator)
        self._notify()

    def _mark_lost(self, slot: WorkerSlot, error: WorkerLost) -> None:
        if not slot.is_alive:
            return
        slot.info = None
        self.lost += 1
        log.warning("The %s %d is lost: %s.", self._kind, slot.number, str(error).split("\n", 1)[0].rstrip("."))
        if self.alive():  # without another worker it is better to wait for this one
            for call in list(slot.calls):
                call.cancel()
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self.on_change()


def two_workers_lost() -> LatentwalkError:
    """The error for a call during which two workers were lost."""
    return ModelFailed("Two workers were lost during this request.", "Try again; the server's log has the details.")
