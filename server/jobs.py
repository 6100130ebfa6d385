"""Background work: one queue for each scarce thing, progress as it happens, cancelling, and a memory on disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from server import codecs, files
from server.errors import AppError, NotFound, Overloaded
from server.steering.progress import Progress, Work

Kind = Literal["learn", "score", "judge", "discover", "invert", "pull", "export"]
Step = Progress | Mapping[str, Any]
Drive = Callable[[Callable[[], Step]], Awaitable[Step]]

SAVE_EVERY = 2.0  # seconds between saved progress; changes of state are saved at once
KEPT = 100
MOST_WAITING = 32
CHUNK_PATIENCE = 5.0  # seconds a closing server waits for chunks in hand
BLAME = "Something went wrong in the server while this ran."
STOPPED = "The server stopped while this ran; start it again."

log = logging.getLogger(__name__)


class State(StrEnum):
    """A job's life: queued, running, then one of four ends. `interrupted` is what a stopped server leaves."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_end(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(slots=True, eq=False)
class Job:
    """One piece of background work as people see it.

    `version` rises with every change, `strip_version` with every new picture.
    """

    id: str
    kind: str
    title: str
    state: State = State.QUEUED
    progress: float = 0.0
    message: str = "Waiting"
    eta_s: float | None = None
    created: str = ""
    started: str | None = None
    finished: str | None = None
    error: dict[str, str] | None = None
    result: dict[str, Any] | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    strip_version: int = 0


@dataclass(slots=True, eq=False)
class _Run:
    # What a job needs only while it is under way.
    job: Job
    work: Work[Mapping[str, Any]]
    drive: Drive
    queue: str
    begun: float = 0.0
    saved: float = 0.0
    stopping: bool = False
    task: asyncio.Task[None] | None = None


class Jobs:
    """Starts work, drives it chunk by chunk, and remembers what became of it in `folder`. Use on one event loop.

    Jobs of the same queue run one after another. A job's files are saved as they change; those that a killed server
    left unfinished are marked interrupted when the next one starts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._runs: dict[str, _Run] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._strips: dict[str, bytes] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._saving = threading.Lock()
        self._closing = False

    def load(self) -> None:
        """Read what earlier servers left. Call once, before anything is started."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                stored = json.loads(path.read_text())
                found.append(Job(**{**stored, "state": State(stored["state"]), "strip_version": 0}))
            except (OSError, ValueError, TypeError, KeyError) as error:
                log.warning("Left out the job %s: %s", path.name, error)
        found.sort(key=lambda job: job.created)
        for old in found[:-KEPT]:
            (self._folder / f"{old.id}.json").unlink(missing_ok=True)
        for job in found[-KEPT:]:
            self._jobs[job.id] = job
            if not job.state.is_end:
                self._end(job, State.INTERRUPTED, STOPPED)
                self._save(job)

    def all(self) -> list[Job]:
        """Every job, newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.created, reverse=True)

    def get(self, id: str) -> Job:
        if id not in self._jobs:
            raise NotFound(f"There is no job “{id[:40]}”.", "See /api/jobs for those there are.")
        return self._jobs[id]

    def strip(self, id: str) -> bytes:
        """The newest picture of a running job, a JPEG file."""
        self.get(id)
        if id not in self._strips:
            raise NotFound("There is no picture of this job yet.", "It comes while the job runs.")
        return self._strips[id]

    def start(self, kind: Kind, title: str, work: Work[Mapping[str, Any]], drive: Drive, queue: str) -> Job:
        """Queue work; `drive` runs one chunk of it wherever chunks of it belong. The work returns the job's result."""
        if len(self._runs) >= MOST_WAITING:
            raise Overloaded(f"{len(self._runs)} jobs are waiting already.", "Wait for one to finish, or cancel one.")
        job = Job(f"j-{secrets.token_hex(6)}", kind, title, created=now())
        self._jobs[job.id] = job
        run = _Run(job, work, drive, queue)
        self._runs[job.id] = run
        run.task = asyncio.create_task(self._run(run), name=job.id)
        # Not at the end of `_run`: a task that is cancelled before its first step runs none of it.
        run.task.add_done_callback(lambda task: self._runs.pop(job.id, None))
        return job

    def cancel(self, id: str) -> Job:
        """Ask a job to stop: one that waits does at once, one that runs after its chunk in hand."""
        job = self.get(id)
        run = self._runs.get(id)
        if run is None or job.state.is_end:
            return job
        run.stopping = True
        if job.state is State.QUEUED:
            self._end(job, State.CANCELLED, "Cancelled before it began")
            if run.task is not None:
                run.task.cancel()  # out of the queue; a running chunk could not be stopped this way
        else:
            job.message = "Stopping"
            self._tell(job)
        return job

    async def change(self, id: str, seen: int, patience: float) -> Job:
        """The job once its version is above `seen`, or after `patience` seconds as it is."""
        job = self.get(id)
        if job.version <= seen and not job.state.is_end:
            event = self._changed.setdefault(id, asyncio.Event())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), patience)
        return job

    async def close(self) -> None:
        """Stop everything that is under way; it is remembered as interrupted."""
        self._closing = True
        for run in self._runs.values():
            run.stopping = True
            if run.job.state is State.QUEUED and run.task is not None:
                run.task.cancel()
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CHUNK_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, run: _Run) -> None:
        job = run.job
        try:
            await asyncio.to_thread(self._save, job)
            async with self._locks.setdefault(run.queue, asyncio.Lock()):
                if not run.stopping:
                    await self._work(run)
        except AppError as error:
            job.error = error.view()
            self._end(job, State.FAILED, str(error))
        except asyncio.CancelledError:
            self._end(job, State.INTERRUPTED, STOPPED)
        except Exception:  # work may raise anything; the log has all of it, people get one calm sentence
            log.exception("Job %s (%s) failed", job.id, job.title)
            job.error = {"code": "internal", "message": BLAME, "hint": "The server's log says what."}
            self._end(job, State.FAILED, BLAME)
        finally:
            with contextlib.suppress(ValueError):  # its chunk is still running: it closes when that lets go of it
                await asyncio.to_thread(run.work.close)
            await asyncio.to_thread(self._save, job)

    async def _work(self, run: _Run) -> None:
        job = run.job
        job.state, job.started, job.message = State.RUNNING, now(), "Starting"
        run.begun = time.monotonic()
        self._tell(job)
        while not run.stopping:
            step = await run.drive(lambda: advance(run.work))
            if not isinstance(step, Progress):
                job.result, job.progress = dict(step), 1.0
                self._end(job, State.DONE, "Done")
                return
            await self._note(run, step)
        if self._closing:
            self._end(job, State.INTERRUPTED, STOPPED)
        else:
            self._end(job, State.CANCELLED, "Cancelled")

    async def _note(self, run: _Run, step: Progress) -> None:
        job, now_s = run.job, time.monotonic()
        job.progress = min(max(step.share, job.progress), 1.0)
        job.message = "Stopping" if run.stopping else step.message
        if step.detail:
            job.detail = dict(step.detail)
        elapsed = now_s - run.begun
        job.eta_s = round(elapsed * (1 / job.progress - 1), 1) if job.progress > 0.01 and elapsed > 1 else None
        if step.strip is not None:
            array = step.strip.numpy()
            self._strips[job.id] = await asyncio.to_thread(lambda: codecs.encode(Image.fromarray(array), "jpg"))
            job.strip_version += 1
        self._tell(job)
        if now_s - run.saved > SAVE_EVERY:
            run.saved = now_s
            await asyncio.to_thread(self._save, job)

    def _end(self, job: Job, state: State, message: str) -> None:
        if job.state.is_end:
            return
        job.state, job.message, job.finished, job.eta_s = state, message, now(), None
        if state is State.INTERRUPTED:
            job.error = {"code": "interrupted", "message": message, "hint": "Nothing that was finished is lost."}
        self._tell(job)

    def _tell(self, job: Job) -> None:
        job.version += 1
        event = self._changed.pop(job.id, None)
        if event is not None:
            event.set()

    def _save(self, job: Job) -> None:
        # A job's memory is not worth failing the job for: a full disk is logged and the work goes on. The lock keeps
        # an older save that was held up from replacing a newer one.
        try:
            with self._saving:
                files.write(self._folder / f"{job.id}.json", json.dumps(asdict(job)).encode())
        except AppError as error:
            log.warning("Job %s is not remembered: %s", job.id, error)


def advance(work: Work[Mapping[str, Any]]) -> Step:
    """The next chunk: its progress, or the result once there is one. (A future cannot carry StopIteration.)"""
    try:
        return next(work)
    except StopIteration as done:
        result: Mapping[str, Any] = done.value
        return result


def now() -> str:
    """The time as ISO 8601 with microseconds, so that jobs sort by it."""
    return datetime.now(UTC).isoformat()
