"""The backend of several machines: one preview queue, whose batches go to whichever worker is free."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Collection, Mapping
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
from server.jobs.task import Task, run_in_thread
from server.storage.db.job import Kind

log = logging.getLogger(__name__)

# Batches in flight per worker. With two a worker never waits for the next, but newer edits can no longer replace those
# of a batch that was sent: 8 people got 136 frames per second from one worker instead of 155.
BATCHES_IN_FLIGHT = 1


class ClusterBackend:
    """Renders on one pool of workers and learns on another. Use on one event loop."""

    def __init__(
        self, render_pool: WorkerPool, learning_pool: WorkerPool, *, max_batch: int = 16, max_waiting: int = 256
    ) -> None:
        self._render_pool, self._learning_pool = render_pool, learning_pool
        self._max_batch = max_batch
        self._queue: PreviewQueue[str] = PreviewQueue(max_waiting)
        self._stills = StillQuota(max_waiting)
        self._in_flight: dict[WorkerSlot, int] = dict.fromkeys(render_pool.slots, 0)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self) -> None:
        """Start to look for workers; what waits is rendered as soon as one is available."""
        self._render_pool.on_change = self._dispatch
        self._render_pool.start()
        self._learning_pool.start()

    @property
    def device(self) -> str:
        """The devices of the living render workers, and how many of all workers are alive."""
        alive, total = self._render_pool.alive(), len(self._render_pool.slots)
        devices = sorted({slot.info.device for slot in alive if slot.info is not None}) or ["no worker"]
        return f"{', '.join(devices)} ×{len(alive)}" + (f" of {total}" if len(alive) < total else "")

    @property
    def learners(self) -> int:
        """The number of learning workers."""
        return len(self._learning_pool.slots)

    async def load(self, generator: str) -> GeneratorStatus:
        """Load a generator on one worker at least."""
        await self._render_pool.find(generator)
        return GeneratorStatus(self._render_pool.precisions[generator])

    def loaded(self) -> Mapping[str, GeneratorStatus]:
        """The generators that a living worker has loaded."""
        return {name: GeneratorStatus(precision) for name, precision in self._render_pool.loaded().items()}

    async def preview(self, slot: ClientSlot, request: PreviewRequest) -> tuple[PreviewRequest, Answer]:
        """As `Backend.preview`."""
        try:
            await self._render_pool.find(request.edit.generator)
        except LatentwalkError as error:
            return request, error
        preview = QueuedPreview(slot, request, request.edit.generator, asyncio.get_running_loop().create_future())
        if self._closed or not self._queue.put(preview):
            return request, queue_full()
        self._dispatch()
        return await preview.future

    async def still(
        self, edit: Edit, format: Format = "png", *, longest: int | None = None,
        priority: Priority = Priority.STILL, person: str = "",
    ) -> Frame:  # fmt: skip
        """As `Backend.still`."""
        with self._stills.reserve(person):
            arguments = (edit, format, longest, priority, person)
            frame: Frame = await self._render_pool.call(edit.generator, "still", *arguments)
            return frame

    async def pixels(self, edit: Edit, priority: Priority = Priority.STILL) -> Pixels:
        """As `Backend.pixels`."""
        pixels: Pixels = await self._render_pool.call(edit.generator, "pixels", edit, priority)
        return pixels

    async def task(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """As `Backend.task`; a worker checks the request."""
        await self._learning_pool.call(request["generator"], "check", kind, request)
        loop = asyncio.get_running_loop()
        return Task(
            lambda state: learn_remotely(self._learning_pool, loop, kind, request, state), run_in_thread, "device"
        )

    def waiting(self) -> int:
        """The number of images that wait."""
        return len(self._queue) + len(self._stills)

    def workers(self) -> int:
        """The number of living render workers."""
        return len(self._render_pool.alive())

    async def close(self) -> None:
        """Answer everyone who waits with an error, and stop."""
        self._closed = True
        for preview in self._queue.clear():
            preview.answer(server_stopping())
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._render_pool.close()
        await self._learning_pool.close()

    def _dispatch(self) -> None:
        """Send waiting previews to free workers, in equal parts; called again whenever a worker becomes free."""
        free = [slot for slot in self._render_pool.alive() if self._in_flight[slot] < BATCHES_IN_FLIGHT]
        while free and self._queue:
            slot = min(free, key=lambda slot: (self._in_flight[slot], slot.pending))
            most = min(self._max_batch, math.ceil(len(self._queue) / len(free)))
            free.remove(slot)
            if batch := self._next_batch(most, slot.generators):
                self._in_flight[slot] += 1
                self._start(self._render(slot, batch))
        for generator in self._queue.waiting_keys():
            if self._render_pool.with_generator(generator):
                self._render_pool.load_on_another(generator)
            else:  # the worker that had loaded it is lost
                self._start(self._reload(generator))

    def _next_batch(self, most: int, generators: Collection[str]) -> list[QueuedPreview[str]]:
        return self._queue.next_batch(most, lambda generator: generator in generators)

    async def _render(self, slot: WorkerSlot, batch: list[QueuedPreview[str]]) -> None:
        edits = [preview.request.edits for preview in batch]
        sizes = [preview.request.size for preview in batch]
        try:
            answers: list[Answer] = await self._render_pool.call_worker(slot, "previews", batch[0].key, edits, sizes)
            for preview, answer in zip(batch, answers, strict=True):
                frame = answer if isinstance(answer, LatentwalkError) else with_wait_time(preview.request.at, answer)
                preview.answer(frame)
        except WorkerLost:
            self._retry(batch)
        except asyncio.CancelledError:
            for preview in batch:
                preview.answer(server_stopping())
            raise
        except Exception as error:  # an error of a worker fails this batch only
            log.exception("A batch of %d previews failed", len(batch))
            for preview in batch:
                preview.answer(error if isinstance(error, LatentwalkError) else model_failure(error))
        finally:
            self._in_flight[slot] -= 1
        self._dispatch()

    def _retry(self, batch: list[QueuedPreview[str]]) -> None:
        for preview in batch:
            preview.tries += 1
            if preview.tries > 1:  # this edit may be what crashes the workers
                preview.answer(two_workers_lost())
            elif not self._queue.put(preview):
                preview.answer(queue_full())

    async def _reload(self, generator: str) -> None:
        try:
            await self._render_pool.find(generator)
        except LatentwalkError as error:
            for preview in self._next_batch(self._max_batch, (generator,)):
                preview.answer(error)
        self._dispatch()

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def with_wait_time(requested_at: float, frame: Frame) -> Frame:
    """The frame with `waited` set to all the time since the request that went into neither rendering nor encoding."""
    return replace(frame, waited=max(0.0, time.perf_counter() - requested_at - frame.rendered - frame.encoded))
