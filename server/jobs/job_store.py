"""Saves jobs to the database, survives a disk that is full, and ends jobs so that a final state is never taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from latentwalk.errors import LatentwalkError
from server.jobs.checkpoints import Checkpoints
from server.jobs.job_events import JobEvents
from server.storage.db.job import Job, State, now
from server.storage.db.job_table import JobTable

log = logging.getLogger(__name__)


class JobStore:
    """The persistence of jobs. Use on one event loop.

    `on_lease_lost(id)` is called when a save shows that another server has taken over a job of ours; `lost` holds the
    ids of those jobs.
    """

    def __init__(
        self, table: JobTable, checkpoints: Checkpoints, events: JobEvents, on_lease_lost: Callable[[str], None]
    ) -> None:
        self.table, self.checkpoints = table, checkpoints
        self.lost: set[str] = set()
        self._events, self._on_lease_lost = events, on_lease_lost
        self._unsaved: set[str] = set()

    def load(self, most: int) -> None:
        """Load the newest `most` jobs and all that have not ended; delete the others and their checkpoints."""
        self.table.trim(most)
        rows = self.table.all()
        for row in rows:
            self._events.add(row.job)
        self.checkpoints.delete_others({row.job.id for row in rows if not row.job.state.is_end})

    async def refresh(self, most: int, running: Collection[str]) -> None:
        """Read what other servers saved of the newest `most` jobs; those `running` here are left alone."""
        for row in await asyncio.to_thread(self.table.all, most):
            known = self._events.find(row.job.id)
            if row.job.id not in running and (known is None or known.version < row.job.version):
                self._events.add(row.job)

    async def save(self, job: Job) -> bool:
        """Save a job; True if its row is now ours and up to date.

        A failed save does not fail the job: it is logged and repeated by `save_pending`.
        """
        try:
            ours = await asyncio.to_thread(self.table.save, replace(job))
            self._unsaved.discard(job.id)
        except LatentwalkError as error:
            log.warning("Job %s could not be saved; the save will be repeated: %s", job.id, error)
            self._unsaved.add(job.id)
            return False
        if not ours and not job.state.is_end:
            log.warning("Job %s was taken over by another server", job.id)
            self.lost.add(job.id)
            self._on_lease_lost(job.id)
        return ours

    async def save_pending(self) -> None:
        """Repeat the saves that failed."""
        for id in list(self._unsaved):
            await self.save(self._events.get(id))

    async def end(
        self, job: Job, state: State, message: str, error: dict[str, str] | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Put a job into a final state: save it, then publish it, so that a state that users saw is never taken back.

        The checkpoints are deleted once the state is saved. Does nothing if the job has ended already.
        """
        if job.state.is_end:
            return
        if state is State.INTERRUPTED:
            error = {"code": "interrupted", "message": message, "hint": "Everything that was finished is still there."}
        progress = 1.0 if state is State.DONE else job.progress
        ended = replace(
            job, state=state, message=message, progress=progress, finished=now(), error=error, result=result, eta_s=None
        )
        saved = await self.save(replace(ended, version=job.version + 1))
        job.state, job.message, job.progress, job.finished = state, message, progress, ended.finished
        job.error, job.result, job.eta_s = error, result, None
        self._events.publish(job)
        if saved:
            await asyncio.to_thread(self.checkpoints.delete, job.id)
