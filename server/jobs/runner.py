"""Background work: one queue for each scarce thing, progress as it happens, and an end that every restart leads to."""

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

from latentwalk.errors import DiskFull, Invalid, LatentwalkError, Overloaded
from latentwalk.progress import Progress
from latentwalk.steering.learning.resume_state import ResumeState
from models import atomic_files
from server.jobs.checkpoints import Checkpoint, Checkpoints
from server.jobs.fair_semaphore import FairSemaphore, check_waiting
from server.jobs.job import Job, Kind, State, now
from server.jobs.job_events import JobEvents
from server.jobs.task import RestoreTask, Task, TaskRun, next_step
from server.storage.db.database import Database
from server.storage.db.job_table import LEASE, JobRow, JobTable

SAVE_EVERY = 2.0  # seconds between saved progress; changes of state are saved at once
BEAT = LEASE / 3  # seconds between looks at what other servers left
KEPT = 100
TRIES = 3  # beginnings without a new checkpoint, each ended by the server's death, after which work is given up
CHUNK_PATIENCE = 5.0  # seconds a closing server waits for chunks in hand
PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between looks for room on a full disk
LEAP = 100_000  # of a job's version when a server takes it over: above all that the last one told and did not save
BLAME = "Something went wrong in the server while this ran."
STOPPED = "The server stopped while this ran; start it again."
WAITS = "Waits for the server to be back"
STRANGE = "What was asked for is not understood by this version."
POISON = f"The server died {TRIES} times while this ran, so it is not begun again."

log = logging.getLogger(__name__)


class JobRunner(JobEvents):
    """Starts work, drives it chunk by chunk, and remembers it in a database. Use on one event loop.

    `room` is how many jobs of a queue run at a time, one where it says nothing; people take turns at it.

    What `start` returned is durable. What a stopped or killed server left is taken up by `look`: begun again from its
    checkpoint where its kind is known (`knows`), given up where it brought the server down too often, else marked
    interrupted.
    """

    def __init__(self, home: Path, database: Database | None = None, room: Mapping[str, int] | None = None) -> None:
        super().__init__(JobTable(database or Database.at(home)), Checkpoints(home / "checkpoints"))
        self._home = home
        self._runs: dict[str, TaskRun] = {}
        self._starting: list[str] = []  # whose jobs are being written down
        self._lines = {queue: FairSemaphore(most) for queue, most in (room or {}).items()}
        self._kinds: dict[str, RestoreTask] = {}
        self._closing = False

    def load(self) -> None:
        """Read what earlier servers left, and forget the oldest of it. Call once, before anything is started."""
        self.list.trim(KEPT)
        found = self.list.all()
        self._jobs |= {kept.job.id: kept.job for kept in found}
        self.checkpoints.sweep({kept.job.id for kept in found if not kept.job.state.is_end})

    def knows(self, kind: Kind, revive: RestoreTask) -> None:
        """Say how jobs of a kind are begun again from their request; LatentwalkError where they cannot be any more."""
        self._kinds[kind] = revive

    async def start(
        self, kind: Kind, title: str, plan: Task, request: Mapping[str, Any] | None = None, *, person: str = ""
    ) -> Job:
        """Queue a person's work, durably. With a `request`, which is JSON, a later server can begin it by itself."""
        check_waiting(person, [*self._starting, *(run.job.person for run in self._runs.values())])
        job = Job(f"j-{secrets.token_hex(6)}", kind, title, created=now(), person=person)
        self._starting.append(person)
        try:
            await asyncio.to_thread(self.list.add, job, request)
        finally:
            self._starting.remove(person)
        self._launch(job, plan, again=request is not None)
        return job

    async def cancel(self, id: str) -> Job:
        """Ask a job to stop, durably: one that waits does at once, one that runs after its chunk in hand."""
        job = self.get(id)
        if job.state.is_end:
            return job
        try:
            await asyncio.to_thread(self.list.stop, id)
        except LatentwalkError as error:  # a full disk is a reason to stop work, not to refuse stopping it
            log.warning("That job %s is to be stopped is not remembered: %s", id, error)
        if id in self._runs:
            await self._stop(self._runs[id])
        return job

    async def watch(self) -> None:
        """Look around for as long as the server lives."""
        # Apart: beginning work again may take longer than a lease, and what runs must be held meanwhile.
        await asyncio.gather(_for_ever(self.hold), _for_ever(self.look))

    async def hold(self) -> None:
        """Hold what is ours for another while, and stop what somebody asked another server to stop."""
        for id in await asyncio.to_thread(self.list.renew):
            if id in self._runs:
                await self._stop(self._runs[id])

    async def look(self) -> None:
        """Hold what is ours, take up what dead servers left, write down what could not be, see what others do."""
        await self.hold()
        for kept in await asyncio.to_thread(self.list.free):
            if kept.job.id not in self._runs and not self._closing and await asyncio.to_thread(self.list.claim, kept):
                await self._take_over(kept)
        for id in list(self._unsaved):
            await self._save(self._jobs[id])
        for kept in await asyncio.to_thread(self.list.all, KEPT):
            known = self._jobs.get(kept.job.id)
            if kept.job.id not in self._runs and (known is None or known.version < kept.job.version):
                self._put(kept.job)

    async def close(self) -> None:
        """Stop everything that is under way; the next server goes on with it."""
        self._closing = True
        for run in self._runs.values():
            run.stopping = True
            if run.job.state is not State.RUNNING and run.task is not None:
                run.task.cancel()
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CHUNK_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, job: Job, plan: Task, *, again: bool) -> None:
        run = TaskRun(job, plan, again)
        self._jobs[job.id] = job
        self._lost.discard(job.id)
        self._runs[job.id] = run
        run.task = asyncio.create_task(self._run(run), name=job.id)
        # Not at the end of `_run`: a task that is cancelled before its first step runs none of it.
        run.task.add_done_callback(lambda task: self._runs.pop(job.id, None))

    async def _take_over(self, kept: JobRow) -> None:
        job = self._jobs[kept.job.id] = kept.job
        job.version += LEAP
        job.state, job.message, job.eta_s = State.QUEUED, "Waiting", None
        revive = self._kinds.get(job.kind)
        if kept.stopping:
            await self._end(job, State.CANCELLED, "Cancelled")
        elif kept.request is None or revive is None:
            await self._end(job, State.INTERRUPTED, STOPPED)
        else:
            try:
                plan = await revive(job, kept.request)
            except Overloaded:  # by nobody's fault, so that it is looked at again
                job.message = WAITS
                await asyncio.to_thread(self.list.release, replace(job), kept.attempts)
            except LatentwalkError as error:
                await self._end(job, State.FAILED, str(error), error.view())
            except (KeyError, TypeError, ValueError):
                await self._end(job, State.FAILED, STRANGE, Invalid(STRANGE, "Start it again.").view())
            else:
                self._launch(job, plan, again=True)
                await self._save(job)

    async def _stop(self, run: TaskRun) -> None:
        if run.stopping:
            return
        run.stopping = True
        if run.job.state is State.RUNNING:
            run.job.message = "Stopping"
            self._tell(run.job)
            return
        await self._end(run.job, State.CANCELLED, "Cancelled before it began" if not run.begun else "Cancelled")
        if run.task is not None:
            run.task.cancel()  # out of the queue, or out of its pause; a running chunk could not be stopped this way

    def _taken(self, id: str) -> None:
        if id in self._runs:
            self._runs[id].stopping = True

    async def _run(self, run: TaskRun) -> None:
        job = run.job
        try:
            async with self._lines.setdefault(run.plan.queue, FairSemaphore()).place(job.person):
                memory = await asyncio.to_thread(self.checkpoints.of, job.id)
                await self._until_over(run, memory)
        except LatentwalkError as error:
            await self._end(job, State.FAILED, str(error), error.view())
        except asyncio.CancelledError:
            await self._left(run)
        except Exception:  # work may raise anything; the log has all of it, people get one calm sentence
            log.exception("Job %s (%s) failed", job.id, job.title)
            view = {"code": "internal", "message": BLAME, "hint": "The server's log says what."}
            await self._end(job, State.FAILED, BLAME, view)

    async def _until_over(self, run: TaskRun, memory: Checkpoint) -> None:
        counted = False
        while not run.stopping:
            try:
                if not await asyncio.to_thread(atomic_files.has_room, self._home):
                    raise DiskFull("The disk is nearly full.")
                if not counted and await asyncio.to_thread(self.list.begin, run.job.id, memory.mark) > TRIES:
                    raise Invalid(POISON, "Ask for less, or see the server's log.")
                counted = True
                if await self._work(run, memory):
                    return
            except DiskFull as full:
                await self._pause(run, full)
        await self._left(run)

    async def _work(self, run: TaskRun, memory: ResumeState) -> bool:
        # Whether it came to its end, and was not stopped.
        job = run.job
        job.state, job.started, job.message = State.RUNNING, job.started or now(), "Starting"
        run.begun = time.monotonic()
        self._tell(job)
        work = run.plan.make(memory)
        try:
            while not run.stopping:
                step = await run.plan.drive(lambda: next_step(work))
                if not isinstance(step, Progress):
                    await self._end(job, State.DONE, "Done", result=dict(step))
                    return True
                await self._note(run, step)
        finally:
            with contextlib.suppress(ValueError):  # its chunk is still running: it closes when that lets go of it
                await asyncio.to_thread(work.close)
        return False

    async def _note(self, run: TaskRun, step: Progress) -> None:
        job, now_s = run.job, time.monotonic()
        while step.remember is not None and not run.stopping:
            try:
                await asyncio.to_thread(step.remember)
                run.pauses = 0
                break
            except DiskFull as full:  # nothing is lost: the work stays where it is until this can be written down
                await self._pause(run, full)
        job.progress = min(max(step.share, job.progress), 1.0)
        job.message = "Stopping" if run.stopping else step.message
        if step.detail:
            job.detail = dict(step.detail)
        elapsed = now_s - run.begun
        job.eta_s = round(elapsed * (1 / job.progress - 1), 1) if job.progress > 0.01 and elapsed > 1 else None
        if step.strip is not None:
            await self._show(job, step.strip.numpy())
        self._tell(job)
        if now_s - run.saved > SAVE_EVERY:
            run.saved = now_s
            await self._save(job)

    async def _pause(self, run: TaskRun, full: DiskFull) -> None:
        # In slices, so that it can be stopped; longer and longer where the room that there is does not help.
        run.job.state, run.job.eta_s = State.PAUSED, None
        run.job.message = f"{full} This goes on by itself when there is room."
        self._tell(run.job)
        await self._save(run.job)
        until = time.monotonic() + min(PAUSE * 2**run.pauses, LONGEST_PAUSE)
        run.pauses += 1
        while not run.stopping and (
            time.monotonic() < until or not await asyncio.to_thread(atomic_files.has_room, self._home)
        ):
            await asyncio.sleep(min(PAUSE, 0.5))
        if not run.stopping:
            run.job.state, run.job.message = State.RUNNING, "Going on"
            self._tell(run.job)

    async def _left(self, run: TaskRun) -> None:
        # Stopped before it was over: by a person, by a closing server, or because another server has it now.
        job = run.job
        if job.id in self._lost or job.state.is_end:
            return
        if not self._closing:
            await self._end(job, State.CANCELLED, "Cancelled")
        elif not run.again:
            await self._end(job, State.INTERRUPTED, STOPPED)
        else:
            job.state, job.message, job.eta_s = State.QUEUED, WAITS, None
            self._tell(job)
            with contextlib.suppress(LatentwalkError):  # then the lease says that nobody is at it
                await asyncio.to_thread(self.list.release, replace(job))


async def _for_ever(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await look()
        except LatentwalkError as error:
            log.warning("Jobs are not looked after for now: %s", error)
        await asyncio.sleep(BEAT)
