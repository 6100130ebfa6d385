"""The code that runs in a worker process: a generator cache and an inference thread over the shared home folder."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch

from latentwalk.edit import Edit
from latentwalk.errors import LatentwalkError
from latentwalk.progress import Progress, Work
from latentwalk.rendering import draw
from latentwalk.rendering.device import physical_cores, pick_device, tune_threads
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.image_codec import Format, Pixels
from models.base import Precision
from server.engine.backend import TaskBuilder
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.engine.renderer import draw_timed
from server.jobs.checkpoints import Checkpoints
from server.jobs.task import next_step
from server.settings import Settings
from server.storage.db.database import Database
from server.storage.db.job import Kind
from server.storage.library import Library
from server.storage.regressors import Regressors

MakeTaskBuilder = Callable[[Library, Regressors, GeneratorCache, InferenceThread], TaskBuilder]

NICENESS = 10  # of learning workers: rendering has priority on a machine that they share


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """The identity of a worker process. A restarted worker has another pid, and no generators."""

    host: str
    pid: int
    device: str


@dataclass(frozen=True, slots=True)
class WorkerGenerators:
    """The preview precision of a generator, and all generators that are loaded, the least recently used first."""

    precision: Precision
    generators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerStep:
    """One finished step of a learning job: its progress, and whether a checkpoint must be saved now; or its result."""

    progress: Progress | None = None
    has_checkpoint: bool = False
    result: Mapping[str, Any] | None = None


class Worker:
    """The base of both kinds of worker. `threads` is the number of CPU threads to compute with."""

    def __init__(self, settings: Settings, threads: int = 1) -> None:
        tune_threads()
        torch.set_num_threads(min(threads, physical_cores()))
        self.library = Library(
            settings.home, first=settings.first, database=Database.at(settings.home, settings.database)
        )
        self.inference_thread = InferenceThread()
        self.generator_cache = GeneratorCache(
            self.library, self.inference_thread, pick_device(settings.device), settings.generators_kept
        )

    async def ping(self) -> WorkerInfo:
        """The identity of this process; called every second to see that it is alive."""
        return WorkerInfo(socket.gethostname(), os.getpid(), str(self.generator_cache.device))

    async def load(self, generator: str) -> WorkerGenerators:
        """Load a generator."""
        precision = (await self.generator_cache.get(generator)).quick.precision
        return WorkerGenerators(precision, tuple(self.generator_cache.loaded()))


class RenderWorker(Worker):
    """Renders and encodes images; a file is a twentieth of its pixels' size and travels that much faster."""

    async def previews(
        self, generator: str, edits: Sequence[Sequence[Edit]], sizes: Sequence[int | None]
    ) -> list[Answer]:
        """A JPEG preview of each edit or sheet of edits, all of one generator, rendered in one forward pass.

        An error where it failed.
        """
        loaded = await self.generator_cache.get(generator)

        def render() -> list[Answer]:
            begin = time.perf_counter()
            try:
                batch = draw.draw_preview_sheets(edits, loaded)
            except LatentwalkError as error:
                return [error] * len(edits)
            except Exception as error:  # a model may raise anything; it fails this batch only
                draw.log.exception("A batch of %d previews failed", len(edits))
                return [draw.model_failure(error)] * len(edits)
            return [
                image if isinstance(image, LatentwalkError) else draw.preview_frame(image, size, batch, begin)
                for image, size in zip(batch.pictures, sizes, strict=True)
            ]

        return await self.inference_thread.run(Priority.PREVIEW, render)

    async def still(self, edit: Edit, format: Format, longest: int | None, priority: Priority, person: str) -> Frame:
        """The exact image of an edit as a file."""
        begin = time.perf_counter()
        loaded = await self.generator_cache.get(edit.generator)
        array, started, ended = await self.inference_thread.run(priority, lambda: draw_timed(edit, loaded), person)
        return await asyncio.to_thread(draw.still_frame, edit, array, format, longest, started - begin, ended - started)

    async def pixels(self, edit: Edit, priority: Priority) -> Pixels:
        """The exact image of an edit, uint8 [H, W, C]."""
        loaded = await self.generator_cache.get(edit.generator)
        return await self.inference_thread.run(priority, lambda: draw.draw(edit, loaded))


class LearningWorker(Worker):
    """Runs learning jobs step by step, each from its request and from the checkpoint on the shared disk."""

    def __init__(self, settings: Settings, threads: int, make_task_builder: MakeTaskBuilder) -> None:
        with suppress(OSError):
            os.nice(NICENESS)
        super().__init__(settings, threads)
        self._task_builder = make_task_builder(
            self.library,
            Regressors(settings.home, settings.unlocked),
            self.generator_cache,
            self.inference_thread,
        )
        self._checkpoints = Checkpoints(settings.home / "checkpoints")
        self._work: dict[str, Work[Mapping[str, Any]]] = {}
        self._progress: dict[str, Progress] = {}

    async def check(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Raise LatentwalkError if the request cannot be met."""
        await self._task_builder.task(kind, request)

    async def begin(self, job: str, kind: Kind, request: Mapping[str, Any]) -> None:
        """Start a job, or resume it from its checkpoint."""
        await self.end(job)
        task = await self._task_builder.task(kind, request)
        self._work[job] = task.start(await asyncio.to_thread(self._checkpoints.open, job))

    async def step(self, job: str) -> WorkerStep:
        """Run the next step of a job."""
        work = self._work[job]
        step = await self.inference_thread.run(Priority.WORK, lambda: next_step(work))
        if not isinstance(step, Progress):
            await self.end(job)
            return WorkerStep(result=step)
        self._progress[job] = step
        return WorkerStep(replace(step, save_checkpoint=None), step.save_checkpoint is not None)

    async def save_checkpoint(self, job: str) -> None:
        """Save the checkpoint of a job's last step; may be called again after the disk was full."""
        save = self._progress[job].save_checkpoint
        if save is not None:
            await asyncio.to_thread(save)

    async def end(self, job: str) -> None:
        """Release a job."""
        self._progress.pop(job, None)
        if (work := self._work.pop(job, None)) is not None:
            with suppress(ValueError):  # a step is still running: the generator closes when it returns
                await asyncio.to_thread(work.close)
