"""Who of the workers is asked: one that lives, has the generator at hand and is the least busy; else another one."""

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

BEAT = 1.0  # seconds between two questions whether a worker lives
SILENCE = 2.5  # seconds without an answer to one, after which others are asked instead
DEAD = 20.0  # seconds of silence after which a worker is ended and started anew
CALL, LOAD = 60.0, 600.0  # seconds for an answer of one that lives, and for loading a generator
VACANCY = 20.0  # seconds that somebody waits for a worker where there is none


class WorkerLost(Exception):
    """A worker died, or does not answer: what it was asked may be asked of another."""


class WorkerHandle(Protocol):
    """One worker, wherever it runs; the engine starts it anew when it dies."""

    async def call(self, method: str, *given: Any) -> Any:
        """What a method of the worker's gives; what it raises, or Gone."""

    def restart(self) -> None:
        """End it, however stuck it is, and start it anew."""


@dataclass(slots=True, eq=False)
class WorkerSlot:
    """A worker as it is known here. `busy` is how much it was asked and has not answered yet."""

    number: int
    handle: WorkerHandle
    about: WorkerInfo | None = None  # while it lives
    held: tuple[str, ...] = ()
    busy: int = 0
    heard: float = field(default_factory=time.monotonic)
    asked: set[asyncio.Future[Any]] = field(default_factory=set)

    @property
    def alive(self) -> bool:
        return self.about is not None


class WorkerPool:
    """Some workers of one kind, each with room for `room` generators. Use on one event loop.

    `changed` is called whenever there is somebody new to ask, or somebody less.
    """

    def __init__(
        self, handles: Sequence[WorkerHandle], *, room: int = 3, kind: str = "worker", beat: float = BEAT,
        silence: float = SILENCE,
    ) -> None:  # fmt: skip
        self.seats = [WorkerSlot(number, handle) for number, handle in enumerate(handles)]
        self.precisions: dict[str, Precision] = {}
        self.lost = 0  # how often one was
        self.changed: Callable[[], None] = lambda: None
        self._room, self._kind, self._beat, self._silence = room, kind, beat, silence
        self._loads: dict[tuple[WorkerSlot, str], asyncio.Task[WorkerGenerators]] = {}
        self._news = asyncio.Event()
        self._watching: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen for signs of life."""
        self._watching = [asyncio.create_task(self._watch(seat), name=f"watch {self._kind}") for seat in self.seats]

    async def close(self) -> None:
        """Stop listening and loading."""
        tasks = [*self._watching, *self._loads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def living(self) -> list[WorkerSlot]:
        return [seat for seat in self.seats if seat.alive]

    def holders(self, generator: str) -> list[WorkerSlot]:
        """Who lives and has a generator at hand, the least busy first."""
        return sorted((seat for seat in self.living() if generator in seat.held), key=lambda seat: seat.busy)

    def loaded(self) -> Mapping[str, Precision]:
        """Every generator that a living worker has at hand."""
        names = dict.fromkeys(name for seat in self.living() for name in seat.held)
        return {name: self.precisions[name] for name in names}

    async def call(self, generator: str, method: str, *given: Any) -> Any:
        """Ask the best one; where it is lost, once more another. LatentwalkError where that is in vain."""
        seat = None
        for _ in range(2):
            seat = await self.place(generator, avoid=seat)
            try:
                return await self.ask(seat, method, *given)
            except WorkerLost:
                continue
        raise two_workers_lost()

    async def ask(self, seat: WorkerSlot, method: str, *given: Any, patience: float = CALL) -> Any:
        """Ask this one. Gone where it died, or fell silent while another one could be asked."""
        asked = asyncio.ensure_future(seat.handle.call(method, *given))
        seat.asked.add(asked)
        seat.busy += 1
        try:
            async with asyncio.timeout(patience):
                return await asked
        except TimeoutError:
            raise WorkerLost(f"It took longer than {patience:g} s") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise WorkerLost("It fell silent") from None  # it was not us who were cancelled, but the question
        except WorkerLost as gone:
            self._lose(seat, gone)
            raise
        finally:
            seat.asked.discard(asked)
            seat.busy -= 1

    async def place(self, generator: str, avoid: WorkerSlot | None = None) -> WorkerSlot:
        """Somebody who has the generator at hand, `avoid` only where nobody else lives; it is loaded if need be."""
        until = time.monotonic() + VACANCY
        while True:
            others = [seat for seat in self.living() if seat is not avoid] or self.living()
            holders = [seat for seat in self.holders(generator) if seat in others]
            if holders:
                return holders[0]
            if others:
                with suppress(WorkerLost):
                    await self._load(self._roomiest(others, generator), generator)
                continue
            if (left := until - time.monotonic()) <= 0:
                raise Overloaded("No worker is there to do this.", "Try again in a moment; the server's log says why.")
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    async def take(self, generator: str) -> WorkerSlot:
        """Somebody for long work; whoever takes them lets them go with `leave`."""
        seat = await self.place(generator)
        seat.busy += 1
        return seat

    def leave(self, seat: WorkerSlot) -> None:
        """Long work is over, or its worker was lost."""
        seat.busy -= 1

    def spread(self, generator: str) -> None:
        """Let one more worker load a generator that many want, where one has room and nothing to do."""
        idle = [
            seat
            for seat in self.living()
            if not seat.busy and generator not in seat.held and len(seat.held) < self._room
        ]
        if idle and not any(name == generator for _, name in self._loads):
            self._begin_load(idle[0], generator)

    def _roomiest(self, seats: Sequence[WorkerSlot], generator: str) -> WorkerSlot:
        loading = [seat for seat in seats if (seat, generator) in self._loads]
        return loading[0] if loading else min(seats, key=lambda seat: (len(seat.held), seat.busy))

    async def _load(self, seat: WorkerSlot, generator: str) -> None:
        await asyncio.shield(self._begin_load(seat, generator))

    def _begin_load(self, seat: WorkerSlot, generator: str) -> asyncio.Task[WorkerGenerators]:
        key = (seat, generator)
        if key not in self._loads:
            self._loads[key] = asyncio.create_task(self.ask(seat, "load", generator, patience=LOAD))
            self._loads[key].add_done_callback(lambda done: self._has_loaded(seat, generator, done))
        return self._loads[key]

    def _has_loaded(self, seat: WorkerSlot, generator: str, done: asyncio.Task[WorkerGenerators]) -> None:
        del self._loads[seat, generator]
        if done.cancelled() or done.exception() is not None or not seat.alive:
            return  # whoever waits hears of it
        self.precisions[generator] = done.result().precision
        seat.held = done.result().generators
        self._tell()

    async def _watch(self, seat: WorkerSlot) -> None:
        while True:
            try:
                async with asyncio.timeout(self._silence):
                    about: WorkerInfo = await seat.handle.call("hello")
            except TimeoutError:
                self._lose(seat, WorkerLost("it does not answer"))
            except WorkerLost as gone:
                self._lose(seat, gone)
            else:
                self._hear(seat, about)
            if time.monotonic() - seat.heard > DEAD:
                seat.heard = time.monotonic()
                if seat.asked or seat.held:  # one that has never lived waits for a place, and is not stuck
                    log.warning("The %s %d is ended and started anew.", self._kind, seat.number)
                    seat.handle.restart()
            await asyncio.sleep(self._beat)

    def _hear(self, seat: WorkerSlot, about: WorkerInfo) -> None:
        seat.heard = time.monotonic()
        if seat.about == about:
            return
        wanted = seat.held  # what it held before it died, it is to hold again
        seat.about, seat.held = about, ()
        log.info("The %s %d is here: process %d on %s.", self._kind, seat.number, about.pid, about.host)
        for generator in wanted:
            self._begin_load(seat, generator)
        self._tell()

    def _lose(self, seat: WorkerSlot, gone: WorkerLost) -> None:
        if not seat.alive:
            return
        seat.about = None
        self.lost += 1
        log.warning("The %s %d is lost: %s.", self._kind, seat.number, str(gone).split("\n", 1)[0].rstrip("."))
        if self.living():  # else it is better to wait for this one than for nobody
            for asked in list(seat.asked):
                asked.cancel()
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self.changed()


def two_workers_lost() -> LatentwalkError:
    """What somebody hears whose work was with two workers when they were lost."""
    return ModelFailed("Two workers were lost while they did this.", "Try again; the server's log says more.")
