"""What a worker does in its own process: a shelf and a lane of its own, over the home that all of them share."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
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
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.engine.renderer import draw_timed
from server.jobs.checkpoints import Checkpoints
from server.jobs.job import Kind
from server.jobs.task import next_step
from server.services.learning import LearningTasks
from server.settings import Settings
from server.storage.db.database import Database
from server.storage.library import Library
from server.storage.regressors import Regressors

NICE = 10  # of those who learn: a hand on a slider goes first on the machine they may share


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Who a worker is: one that was started anew has another number, and nothing loaded."""

    host: str
    pid: int
    device: str


@dataclass(frozen=True, slots=True)
class WorkerGenerators:
    """What a worker computes a generator's previews in, and every generator it has loaded, the least used first."""

    precision: Precision
    generators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerStep:
    """A chunk of learning that was done: how far it came, and whether that is to be written down now; or its result."""

    progress: Progress | None = None
    remembers: bool = False
    result: Mapping[str, Any] | None = None


class Worker:
    """What both kinds have. `threads` is how many it computes with, of those that its machine has."""

    def __init__(self, settings: Settings, threads: int = 1) -> None:
        tune_threads()
        torch.set_num_threads(min(threads, physical_cores()))
        self.library = Library(
            settings.home, first=settings.first, database=Database.at(settings.home, settings.database)
        )
        self.lane = InferenceThread()
        self.shelf = GeneratorCache(self.library, self.lane, pick_device(settings.device), settings.generators_kept)

    async def hello(self) -> WorkerInfo:
        """That it lives; asked every second."""
        return WorkerInfo(socket.gethostname(), os.getpid(), str(self.shelf.device))

    async def load(self, generator: str) -> WorkerGenerators:
        """Have a generator at hand."""
        precision = (await self.shelf.get(generator)).quick.precision
        return WorkerGenerators(precision, tuple(self.shelf.loaded()))


class RenderWorker(Worker):
    """Draws, and encodes what it drew: a file is a twentieth of its pixels, and travels so much faster."""

    async def previews(self, generator: str, edits: Sequence[Edit], sizes: Sequence[int | None]) -> list[Answer]:
        """A quick picture of each edit, all of one generator, in one forward pass."""
        ready = await self.shelf.get(generator)

        def made() -> list[Answer]:
            begin = time.perf_counter()
            try:
                batch = draw.draw_previews(edits, ready)
            except LatentwalkError as error:
                return [error] * len(edits)
            except Exception as error:  # a model may raise anything; it fails this batch and nothing else
                draw.log.exception("A batch of %d previews failed", len(edits))
                return [draw.model_failure(error)] * len(edits)
            return [
                one if isinstance(one, LatentwalkError) else draw.preview_frame(one, size, batch, begin)
                for one, size in zip(batch.pictures, sizes, strict=True)
            ]

        return await self.lane.run(Priority.PREVIEW, made)

    async def still(self, edit: Edit, format: Format, longest: int | None, priority: Priority, person: str) -> Frame:
        """The exact picture of an edit, as a file."""
        begin = time.perf_counter()
        ready = await self.shelf.get(edit.generator)
        array, started, ended = await self.lane.run(priority, lambda: draw_timed(edit, ready), person)
        return await asyncio.to_thread(draw.still_frame, edit, array, format, longest, started - begin, ended - started)

    async def pixels(self, edit: Edit, priority: Priority) -> Pixels:
        """The exact picture of an edit, uint8 [H, W, C]."""
        ready = await self.shelf.get(edit.generator)
        return await self.lane.run(priority, lambda: draw.draw(edit, ready))


class LearningWorker(Worker):
    """Does jobs chunk by chunk, each from its request and from the checkpoint that whoever began it left."""

    def __init__(self, settings: Settings, threads: int = 1) -> None:
        with suppress(OSError):
            os.nice(NICE)
        super().__init__(settings, threads)
        self._workshop = LearningTasks(
            self.library, Regressors(settings.home, settings.unlocked), self.shelf, self.lane
        )
        self._checkpoints = Checkpoints(settings.home / "checkpoints")
        self._work: dict[str, Work[Mapping[str, Any]]] = {}
        self._last: dict[str, Progress] = {}

    async def check(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Refuse what cannot be done."""
        await self._workshop.plan(kind, request)

    async def begin(self, job: str, kind: Kind, request: Mapping[str, Any]) -> None:
        """Take a job up where its checkpoint is."""
        await self.end(job)
        plan = await self._workshop.plan(kind, request)
        self._work[job] = plan.make(await asyncio.to_thread(self._checkpoints.of, job))

    async def step(self, job: str) -> WorkerStep:
        """The next chunk of a job."""
        work = self._work[job]
        step = await self.lane.run(Priority.WORK, lambda: next_step(work))
        if not isinstance(step, Progress):
            await self.end(job)
            return WorkerStep(result=step)
        self._last[job] = step
        return WorkerStep(replace(step, remember=None), step.remember is not None)

    async def remember(self, job: str) -> None:
        """Write down how far a job came; may be asked again where the disk was full."""
        remember = self._last[job].remember
        if remember is not None:
            await asyncio.to_thread(remember)

    async def end(self, job: str) -> None:
        """Let go of a job."""
        self._last.pop(job, None)
        if (work := self._work.pop(job, None)) is not None:
            with suppress(ValueError):  # its chunk is still running: it closes when that lets go of it
                await asyncio.to_thread(work.close)
