"""The backend of several machines: the same pile of wishes, its batches drawn by whichever worker is free."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from latentwalk.edit import Edit
from latentwalk.errors import LatentwalkError
from latentwalk.rendering.draw import model_failure
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.image_codec import Format, Pixels
from server.engine.backend import GeneratorStatus
from server.engine.cluster.remote_learning import learn_remotely
from server.engine.cluster.worker_pool import WorkerLost, WorkerPool, WorkerSlot, two_workers_lost
from server.engine.inference_thread import Priority, server_stopping
from server.engine.preview_queue import ClientSlot, PreviewQueue, PreviewRequest, QueuedPreview, StillQuota, queue_full
from server.jobs.job import Kind
from server.jobs.task import Task, run_in_thread

log = logging.getLogger(__name__)

# Batches on their way to a worker. With two it never waits for the next, but what waits there can no longer be
# overtaken by newer edits: 8 people got 136 frames a second of one worker instead of 155.
DEPTH = 1


class ClusterBackend:
    """Draws with one pool of workers and learns with another. Use on one event loop."""

    def __init__(
        self, drawers: WorkerPool, learners: WorkerPool, *, max_batch: int = 16, max_waiting: int = 256
    ) -> None:
        self._drawers, self._learners = drawers, learners
        self._max_batch = max_batch
        self._pile: PreviewQueue[str] = PreviewQueue(max_waiting)
        self._stills = StillQuota(max_waiting)
        self._under_way: dict[WorkerSlot, int] = dict.fromkeys(drawers.seats, 0)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self) -> None:
        """Begin to listen for the workers; what waits is drawn as soon as there is one."""
        self._drawers.changed = self._go
        self._drawers.start()
        self._learners.start()

    @property
    def device(self) -> str:
        living, every = self._drawers.living(), len(self._drawers.seats)
        kinds = sorted({seat.about.device for seat in living if seat.about is not None}) or ["no worker"]
        return f"{', '.join(kinds)} ×{len(living)}" + (f" of {every}" if len(living) < every else "")

    @property
    def learners(self) -> int:
        return len(self._learners.seats)

    async def load(self, generator: str) -> GeneratorStatus:
        await self._drawers.place(generator)
        return GeneratorStatus(self._drawers.precisions[generator])

    def loaded(self) -> Mapping[str, GeneratorStatus]:
        return {name: GeneratorStatus(precision) for name, precision in self._drawers.loaded().items()}

    async def preview(self, slot: ClientSlot, wish: PreviewRequest) -> tuple[PreviewRequest, Answer]:
        try:
            await self._drawers.place(wish.edit.generator)
        except LatentwalkError as error:
            return wish, error
        request = QueuedPreview(slot, wish, wish.edit.generator, asyncio.get_running_loop().create_future())
        if self._closed or not self._pile.put(request):
            return wish, queue_full()
        self._go()
        return await request.future

    async def still(
        self, edit: Edit, format: Format = "png", *, longest: int | None = None,
        priority: Priority = Priority.STILL, person: str = "",
    ) -> Frame:  # fmt: skip
        with self._stills.one(person):
            given = (edit, format, longest, priority, person)
            frame: Frame = await self._drawers.call(edit.generator, "still", *given)
            return frame

    async def pixels(self, edit: Edit, priority: Priority = Priority.STILL) -> Pixels:
        pixels: Pixels = await self._drawers.call(edit.generator, "pixels", edit, priority)
        return pixels

    async def plan(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        await self._learners.call(request["generator"], "check", kind, request)
        loop = asyncio.get_running_loop()
        return Task(lambda memory: learn_remotely(self._learners, loop, kind, request, memory), run_in_thread, "device")

    def waiting(self) -> int:
        return len(self._pile) + len(self._stills)

    def workers(self) -> int:
        return len(self._drawers.living())

    async def close(self) -> None:
        self._closed = True
        for request in self._pile.clear():
            request.answer(server_stopping())
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drawers.close()
        await self._learners.close()

    def _go(self) -> None:
        # Give those who are free a part each of what waits. Whoever comes back, or is done, calls this again.
        free = [seat for seat in self._drawers.living() if self._under_way[seat] < DEPTH]
        while free and self._pile:
            seat = min(free, key=lambda seat: (self._under_way[seat], seat.busy))
            most = min(self._max_batch, math.ceil(len(self._pile) / len(free)))
            free.remove(seat)
            if batch := self._pile.gather(most, lambda generator, held=seat.held: generator in held):  # type: ignore[misc]
                self._under_way[seat] += 1
                self._keep(self._draw(seat, batch))
        for generator in self._pile.wanted():
            if self._drawers.holders(generator):
                self._drawers.spread(generator)
            else:  # it was lost with its worker
                self._keep(self._again(generator))

    async def _draw(self, seat: WorkerSlot, batch: list[QueuedPreview[str]]) -> None:
        edits = [request.wish.edit for request in batch]
        try:
            sizes = [request.wish.size for request in batch]
            answers: list[Answer] = await self._drawers.ask(seat, "previews", batch[0].key, edits, sizes)
            for request, answer in zip(batch, answers, strict=True):
                request.answer(
                    answer if isinstance(answer, LatentwalkError) else with_wait_time(request.wish.at, answer)
                )
        except WorkerLost:
            self._once_more(batch)
        except asyncio.CancelledError:
            for request in batch:
                request.answer(server_stopping())
            raise
        except Exception as error:  # whatever a worker raises fails this batch and nothing else
            log.exception("A batch of %d previews failed", len(batch))
            for request in batch:
                request.answer(error if isinstance(error, LatentwalkError) else model_failure(error))
        finally:
            self._under_way[seat] -= 1
        self._go()

    def _once_more(self, batch: list[QueuedPreview[str]]) -> None:
        for request in batch:
            request.tries += 1
            if request.tries > 1:  # this very edit may be what they die of
                request.answer(two_workers_lost())
            elif not self._pile.put(request):
                request.answer(queue_full())

    async def _again(self, generator: str) -> None:
        try:
            await self._drawers.place(generator)
        except LatentwalkError as error:
            for request in self._pile.gather(self._max_batch, lambda key: key == generator):
                request.answer(error)
        self._go()

    def _keep(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def with_wait_time(at: float, frame: Frame) -> Frame:
    """The same frame, having waited for all the time that went neither into drawing nor into encoding it."""
    return replace(frame, waited=max(0.0, time.perf_counter() - at - frame.rendered - frame.encoded))
