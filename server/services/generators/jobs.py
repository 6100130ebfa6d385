"""Start downloads and inversions as background jobs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.runner import JobRunner
from server.jobs.task import SHORT, Task, prepared
from server.services.generators import downloads, inversion
from server.storage.db.job import Job
from server.storage.library import Library


class GeneratorJobs:
    """Checks a request, gives it a title and queues it. Every refusal is raised here, before there is a job."""

    def __init__(
        self, jobs: JobRunner, library: Library, generator_cache: GeneratorCache, inference_thread: InferenceThread
    ) -> None:
        self._jobs, self._library = jobs, library
        self._generator_cache, self._inference_thread = generator_cache, inference_thread
        jobs.register("pull", self._resume_download)

    async def download(self, generator: str, *, person: str = "") -> Job:
        """Download a generator's weights."""
        downloads.check_generator(self._library, generator)
        title = f"Downloading {self._library.spec(generator).title}"
        task = downloads.generator_task(self._library, generator)
        return await self._jobs.start("pull", title, task, {"generator": generator}, person=person)

    async def invert(self, generator: str, data: bytes, *, person: str = "") -> Job:
        """Find the latent of an image file. The image is not stored, so a later server cannot resume the job."""
        target = await asyncio.to_thread(inversion.read_target, data, self._library.spec(generator))
        inversion.check_encoder(self._library, generator)
        drive = functools.partial(self._inference_thread.run, Priority.SHORT_WORK)

        async def prepare() -> Task:
            loaded = await self._generator_cache.get(generator)
            return replace(inversion.task(self._library, loaded, target), run_step=drive)

        title = f"Inverting an image with {generator}"
        return await self._jobs.start("invert", title, prepared(SHORT, prepare), person=person)

    async def _resume_download(self, job: Job, request: Mapping[str, Any]) -> Task:
        return downloads.generator_task(self._library, request["generator"])
