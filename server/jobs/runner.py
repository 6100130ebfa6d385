"""Runs background jobs step by step, with a fair queue per resource; every job ends, or resumes after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from latentwalk.errors import DiskFull, Invalid, LatentwalkError, Overloaded
from latentwalk.progress import Progress
from latentwalk.rendering import image_codec
from latentwalk.steering.learning.resume_state import ResumeState
from models import atomic_files
from server.jobs.checkpoints import Checkpoint, Checkpoints
from server.jobs.fair_semaphore import check_waiting
from server.jobs.job_events import JobEvents
from server.jobs.job_queues import JobQueues
from server.jobs.job_store import JobStore
from server.jobs.task import RestoreTask, Task, TaskRun, next_step
from server.storage.db.database import Database
from server.storage.db.job import Job, Kind, State, now
from server.storage.db.job_table import LEASE, JobRow, JobTable

SAVE_INTERVAL = 2.0  # seconds between saves of progress; changes of state are saved at once
POLL_INTERVAL = LEASE / 3  # seconds between lease renewals, and between checks of other servers' jobs
HISTORY = 100  # jobs that are remembered
TRIES = 3  # starts without a new checkpoint, each ended by the server's death, after which a job fails
CLOSE_TIMEOUT = 5.0  # seconds that a closing server waits for running steps
PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between checks of a full disk
VERSION_JUMP = 100_000  # added to the version of a job taken over: above what its last server announced, unsaved
FAILED = "An unexpected error stopped this job."
INTERRUPTED = "The server stopped while this job ran. Start it again."
WAITING = "Waiting for the server to be available again"
UNKNOWN_REQUEST = "This version of Latentwalk does not understand the request of this job."
CRASHED = f"The server crashed {TRIES} times while this job ran, so it is not started again."

log = logging.getLogger(__name__)


class JobRunner:
    """Queues, runs and resumes jobs. Use on one event loop.

    `capacity` is how many jobs of a queue run at a time, 1 by default. A job that `start` returned is durable.
    `reconcile` takes over the jobs of a server that stopped or crashed: it resumes them from their checkpoints if their
    kind is registered, fails those that crashed the server too often, and marks the others interrupted.
    """

    def __init__(self, home: Path, database: Database | None = None, capacity: Mapping[str, int] | None = None) -> None:
        self.events = JobEvents()
        self.table, self.checkpoints = JobTable(database or Database.at(home)), Checkpoints(home / "checkpoints")
        self._store = JobStore(self.table, self.checkpoints, self.events, self._stop_run)
        self._home = home
        self._runs: dict[str, TaskRun] = {}
        self._starting: list[str] = []  # the owners of jobs that are being saved for the first time
        self._queues = JobQueues(self.events, capacity or {})
        self._kinds: dict[str, RestoreTask] = {}
        self._closing = False

    def load(self) -> None:
        """Load the jobs of earlier servers and forget the oldest. Call once, before any job is started."""
        self._store.load(HISTORY)

    def register(self, kind: Kind, restore: RestoreTask) -> None:
        """Register how jobs of a kind are restored from their request. `restore` may raise LatentwalkError."""
        self._kinds[kind] = restore

    async def start(
        self, kind: Kind, title: str, task: Task, request: Mapping[str, Any] | None = None, *, person: str = ""
    ) -> Job:
        """Queue a task, durably. With a `request`, which must be JSON, a later server can resume it by itself."""
        check_waiting(person, [*self._starting, *(run.job.person for run in self._runs.values())])
        job = Job(f"j-{secrets.token_hex(6)}", kind, title, created=now(), person=person)
        self._starting.append(person)
        try:
            await asyncio.to_thread(self.table.add, job, request)
        finally:
            self._starting.remove(person)
        self._launch(job, task, restartable=request is not None)
        await asyncio.sleep(0)  # the job joins its queue
        return job

    async def cancel(self, id: str) -> Job:
        """Ask a job to stop, durably. A waiting job stops at once, a running one after its current step."""
        job = self.events.get(id)
        if job.state.is_end:
            return job
        try:
            await asyncio.to_thread(self.table.stop, id)
        except LatentwalkError as error:  # a full disk must not prevent cancelling
            log.warning("The request to cancel job %s could not be saved: %s", id, error)
        if id in self._runs:
            await self._cancel_run(self._runs[id])
        return job

    async def watch(self) -> None:
        """Renew leases and reconcile with other servers until cancelled."""
        # Separately, because restoring a job may take longer than a lease, and running jobs need theirs renewed.
        await asyncio.gather(_repeat(self.renew_leases), _repeat(self.reconcile))

    async def renew_leases(self) -> None:
        """Renew the leases of our jobs, and stop those that were cancelled through another server."""
        for id in await asyncio.to_thread(self.table.renew):
            if id in self._runs:
                await self._cancel_run(self._runs[id])

    async def reconcile(self) -> None:
        """Renew leases, take over jobs of dead servers, repeat failed saves, and read what other servers changed."""
        await self.renew_leases()
        for row in await asyncio.to_thread(self.table.free):
            if row.job.id not in self._runs and not self._closing and await asyncio.to_thread(self.table.claim, row):
                await self._take_over(row)
        await self._store.save_pending()
        await self._store.refresh(HISTORY, self._runs)

    async def close(self) -> None:
        """Stop all jobs; the next server resumes them."""
        self._closing = True
        for run in self._runs.values():
            run.stopping = True
            if run.job.state is not State.RUNNING and run.asyncio_task is not None:
                run.asyncio_task.cancel()
        tasks = [run.asyncio_task for run in self._runs.values() if run.asyncio_task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, job: Job, task: Task, *, restartable: bool) -> None:
        run = TaskRun(job, task, restartable)
        self.events.add(job)
        self._store.lost.discard(job.id)
        self._runs[job.id] = run
        run.asyncio_task = asyncio.create_task(self._run(run), name=job.id)
        # Not at the end of `_run`: a task that is cancelled before its first step runs none of it.
        run.asyncio_task.add_done_callback(lambda _: self._runs.pop(job.id, None))

    async def _take_over(self, row: JobRow) -> None:
        job = row.job
        job.version += VERSION_JUMP
        job.state, job.message, job.eta_s = State.QUEUED, "Waiting", None
        self.events.add(job)
        restore = self._kinds.get(job.kind)
        if row.stopping:
            await self._store.end(job, State.CANCELLED, "Cancelled")
        elif row.request is None or restore is None:
            await self._store.end(job, State.INTERRUPTED, INTERRUPTED)
        else:
            try:
                task = await restore(job, row.request)
            except Overloaded:  # temporary, so the next look tries again
                job.message = WAITING
                await asyncio.to_thread(self.table.release, replace(job), row.attempts)
            except LatentwalkError as error:
                await self._store.end(job, State.FAILED, str(error), error.view())
            except (KeyError, TypeError, ValueError):
                view = Invalid(UNKNOWN_REQUEST, "Start it again.").view()
                await self._store.end(job, State.FAILED, UNKNOWN_REQUEST, view)
            else:
                self._launch(job, task, restartable=True)
                await self._store.save(job)

    async def _cancel_run(self, run: TaskRun) -> None:
        if run.stopping:
            return
        run.stopping = True
        if run.job.state is State.RUNNING:
            run.job.message = "Stopping"
            self.events.publish(run.job)
            return
        message = "Cancelled" if run.started_at else "Cancelled before it started"
        await self._store.end(run.job, State.CANCELLED, message)
        if run.asyncio_task is not None:
            run.asyncio_task.cancel()  # leaves the queue or the pause; a running step could not be stopped this way

    def _stop_run(self, id: str) -> None:
        if run := self._runs.get(id):
            run.stopping = True

    async def _run(self, run: TaskRun) -> None:
        job = run.job
        try:
            async with self._queues.turn(run.task.queue, job):
                checkpoint = await asyncio.to_thread(self.checkpoints.open, job.id)
                await self._run_until_end(run, checkpoint)
        except LatentwalkError as error:
            await self._store.end(job, State.FAILED, str(error), error.view())
        except asyncio.CancelledError:
            await self._leave(run)
        except Exception:  # a task may raise anything; the log gets the traceback, the user a short message
            log.exception("Job %s (%s) failed", job.id, job.title)
            view = {"code": "internal", "message": FAILED, "hint": "The server's log has the details."}
            await self._store.end(job, State.FAILED, FAILED, view)

    async def _run_until_end(self, run: TaskRun, checkpoint: Checkpoint) -> None:
        counted = False
        while not run.stopping:
            try:
                if not await asyncio.to_thread(atomic_files.has_room, self._home):
                    raise DiskFull("The disk is nearly full.")
                if not counted and await asyncio.to_thread(self.table.begin, run.job.id, checkpoint.mark) > TRIES:
                    raise Invalid(CRASHED, "Request a smaller job, or see the server's log.")
                counted = True
                if await self._run_steps(run, checkpoint):
                    return
            except DiskFull as error:
                await self._pause(run, error)
        await self._leave(run)

    async def _run_steps(self, run: TaskRun, resume_state: ResumeState) -> bool:
        """True if the task came to its end, False if it was stopped."""
        job = run.job
        job.state, job.started, job.message = State.RUNNING, job.started or now(), "Starting"
        run.started_at = time.monotonic()
        self.events.publish(job)
        run.task = await run.task.prepare() if run.task.prepare else run.task
        work = run.task.start(resume_state)
        try:
            while not run.stopping:
                step = await run.task.run_step(lambda: next_step(work))
                if not isinstance(step, Progress):
                    await self._store.end(job, State.DONE, "Done", result=dict(step))
                    return True
                await self._report(run, step)
        finally:
            with contextlib.suppress(ValueError):  # a step is still running: the generator closes when it returns
                await asyncio.to_thread(work.close)
        return False

    async def _report(self, run: TaskRun, step: Progress) -> None:
        job, reported_at = run.job, time.monotonic()
        while step.save_checkpoint is not None and not run.stopping:
            try:
                await asyncio.to_thread(step.save_checkpoint)
                run.pauses = 0
                break
            except DiskFull as error:  # nothing is lost: the task waits until its checkpoint is saved
                await self._pause(run, error)
        job.progress = min(max(step.share, job.progress), 1.0)
        job.message = "Stopping" if run.stopping else step.message
        if step.detail:
            job.detail = dict(step.detail)
        elapsed = reported_at - run.started_at
        job.eta_s = round(elapsed * (1 / job.progress - 1), 1) if job.progress > 0.01 and elapsed > 1 else None
        if step.strip is not None:
            image = Image.fromarray(step.strip.numpy())
            self.events.set_strip(job, await asyncio.to_thread(image_codec.encode, image, "jpg"))
        self.events.publish(job)
        if reported_at - run.saved_at > SAVE_INTERVAL:
            run.saved_at = reported_at
            self._queues.announce()
            await self._store.save(job)

    async def _pause(self, run: TaskRun, error: DiskFull) -> None:
        """Wait until the disk has room, in short sleeps so that the job can be stopped, with exponential back-off."""
        run.job.state, run.job.eta_s = State.PAUSED, None
        run.job.message = f"{error} This job continues by itself when there is room."
        self.events.publish(run.job)
        await self._store.save(run.job)
        until = time.monotonic() + min(PAUSE * 2**run.pauses, LONGEST_PAUSE)
        run.pauses += 1
        while not run.stopping and (
            time.monotonic() < until or not await asyncio.to_thread(atomic_files.has_room, self._home)
        ):
            await asyncio.sleep(min(PAUSE, 0.5))
        if not run.stopping:
            run.job.state, run.job.message = State.RUNNING, "Continuing"
            self.events.publish(run.job)

    async def _leave(self, run: TaskRun) -> None:
        """Handle a job that stopped before its end: cancelled by a user, by a closing server, or taken over."""
        job = run.job
        if job.id in self._store.lost or job.state.is_end:
            return
        if not self._closing:
            await self._store.end(job, State.CANCELLED, "Cancelled")
        elif not run.restartable:
            await self._store.end(job, State.INTERRUPTED, INTERRUPTED)
        else:
            job.state, job.message, job.eta_s = State.QUEUED, WAITING, None
            self.events.publish(job)
            with contextlib.suppress(LatentwalkError):  # the lease expires by itself then
                await asyncio.to_thread(self.table.release, replace(job))


async def _repeat(function: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await function()
        except LatentwalkError as error:
            log.warning("Jobs cannot be reconciled at the moment: %s", error)
        await asyncio.sleep(POLL_INTERVAL)
