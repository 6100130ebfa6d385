"""Where people see how work goes, and what is written down of it: jobs, their pictures, waiting for a change."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import Any

from PIL import Image

from latentwalk.errors import LatentwalkError, NotFound
from latentwalk.rendering import image_codec
from server.jobs.checkpoints import Checkpoints
from server.jobs.job import Job, State, now
from server.storage.db.job_table import JobTable

log = logging.getLogger(__name__)


class JobEvents:
    """Jobs by id. Whoever changes one calls `_tell`, and all who wait for it wake; an end is in its row before anybody
    is told. Use on one event loop."""

    def __init__(self, worklist: JobTable, checkpoints: Checkpoints) -> None:
        self.list, self.checkpoints = worklist, checkpoints
        self._unsaved: set[str] = set()
        self._lost: set[str] = set()
        self._jobs: dict[str, Job] = {}
        self._strips: dict[str, bytes] = {}
        self._changed: dict[str, asyncio.Event] = {}

    def all(self) -> list[Job]:
        """Every job, newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.created, reverse=True)

    def get(self, id: str) -> Job:
        """One job."""
        if id not in self._jobs:
            raise NotFound(f"There is no job “{id[:40]}”.", "See /api/jobs for those there are.")
        return self._jobs[id]

    def strip(self, id: str) -> bytes:
        """The newest picture of a running job, a JPEG file."""
        self.get(id)
        if id not in self._strips:
            raise NotFound("There is no picture of this job yet.", "It comes while the job runs.")
        return self._strips[id]

    async def change(self, id: str, seen: int, patience: float) -> Job:
        """The job once its version is above `seen`, or after `patience` seconds as it is."""
        job = self.get(id)
        if job.version <= seen and not job.state.is_end:
            event = self._changed.setdefault(id, asyncio.Event())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), patience)
        return self.get(id)

    async def _show(self, job: Job, array: Any) -> None:
        # A picture, uint8 [H, W, 3].
        self._strips[job.id] = await asyncio.to_thread(lambda: image_codec.encode(Image.fromarray(array), "jpg"))
        job.strip_version += 1

    def _put(self, job: Job) -> None:
        # A job as another server saw it last, in the place of what was known.
        self._jobs[job.id] = job
        self._wake(job.id)

    def _tell(self, job: Job) -> None:
        job.version += 1
        self._wake(job.id)

    def _wake(self, id: str) -> None:
        event = self._changed.pop(id, None)
        if event is not None:
            event.set()

    async def _end(
        self, job: Job, state: State, message: str, error: dict[str, str] | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        # Written down before anybody is told: an end that people saw is never taken back.
        if job.state.is_end:
            return
        if state is State.INTERRUPTED:
            error = {"code": "interrupted", "message": message, "hint": "Nothing that was finished is lost."}
        share = 1.0 if state is State.DONE else job.progress
        ended = replace(job, state=state, message=message, progress=share, finished=now(), error=error, result=result)
        written = await self._save(replace(ended, eta_s=None, version=job.version + 1))
        job.state, job.message, job.progress, job.finished = state, message, share, ended.finished
        job.error, job.result, job.eta_s = error, result, None
        self._tell(job)
        if written:
            await asyncio.to_thread(self.checkpoints.clear, job.id)

    async def _save(self, job: Job) -> bool:
        # Whether the row says it now. A row is not worth failing the job for: it is written later, the work goes on.
        try:
            ours = await asyncio.to_thread(self.list.save, replace(job))
            self._unsaved.discard(job.id)
        except LatentwalkError as error:
            log.warning("Job %s is not remembered for now: %s", job.id, error)
            self._unsaved.add(job.id)
            return False
        if not ours and not job.state.is_end:
            log.warning("Job %s is another server's now", job.id)
            self._lost.add(job.id)
            self._taken(job.id)
        return ours

    def _taken(self, id: str) -> None:
        # Called when another server has a job that was ours: it is to be let go of.
        raise NotImplementedError
