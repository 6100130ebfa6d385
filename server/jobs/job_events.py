"""The jobs in memory and notification of their changes: what the event stream of a job waits on."""

from __future__ import annotations

import asyncio
import contextlib

from latentwalk.errors import NotFound
from server.storage.db.job import Job


class JobEvents:
    """All jobs by id, with their newest preview strips. Use on one event loop.

    Code that changes a job calls `publish`, which wakes everyone who waits for it.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._strips: dict[str, bytes] = {}
        self._changed: dict[str, asyncio.Event] = {}

    def all(self) -> list[Job]:
        """Every job, newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.created, reverse=True)

    def find(self, id: str) -> Job | None:
        """The job with this id, None if there is none."""
        return self._jobs.get(id)

    def get(self, id: str) -> Job:
        """The job with this id. NotFound if there is none."""
        if id not in self._jobs:
            raise NotFound(f"There is no job “{id[:40]}”.", "See /api/jobs for the jobs that exist.")
        return self._jobs[id]

    def strip(self, id: str) -> bytes:
        """The newest preview strip of a job as a JPEG file. NotFound if it has none yet."""
        self.get(id)
        if id not in self._strips:
            raise NotFound("This job has no preview strip yet.", "It appears while the job runs.")
        return self._strips[id]

    async def wait_for_change(self, id: str, version: int, timeout: float) -> Job:
        """The job as soon as its version is above `version` or it has ended; after `timeout` seconds in any case."""
        job = self.get(id)
        if job.version <= version and not job.state.is_end:
            event = self._changed.setdefault(id, asyncio.Event())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), timeout)
        return self.get(id)

    def add(self, job: Job) -> None:
        """Add a job, or replace what was known of it, and wake those who wait for it."""
        self._jobs[job.id] = job
        self._wake(job.id)

    def publish(self, job: Job) -> None:
        """Increase the job's version and wake those who wait for it."""
        job.version += 1
        self._wake(job.id)

    def set_strip(self, job: Job, jpeg: bytes) -> None:
        """Replace the preview strip of a job; `publish` announces it."""
        self._strips[job.id] = jpeg
        job.strip_version += 1

    def _wake(self, id: str) -> None:
        event = self._changed.pop(id, None)
        if event is not None:
            event.set()
