"""What a job runs: the work itself, where its steps run and which queue it waits in; apart from who runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.resume_state import ResumeState
from server.storage.db.job import Job

T = TypeVar("T")
Step = Progress | Mapping[str, Any]
SHORT = "short"  # the queue of jobs that take seconds: they run beside a long one and go before its steps
RunStep = Callable[[Callable[[], Step]], Awaitable[Step]]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A piece of work.

    `start` begins it from a resume state, `run_step` runs one step wherever its steps belong (a thread, or the
    inference thread), and tasks with the same `queue` share that queue's capacity. `prepare`, if there is one, is
    awaited when the task has its turn, and returns the task that is run: so a job can exist before its generator is
    loaded.
    """

    start: Callable[[ResumeState], Work[Mapping[str, Any]]]
    run_step: RunStep
    queue: str
    prepare: Callable[[], Awaitable[Task]] | None = None


RestoreTask = Callable[[Job, Mapping[str, Any]], Awaitable[Task]]


@dataclass(slots=True, eq=False)
class TaskRun:
    """What a job needs while it is queued or running. `restartable`: a later server can resume it from its request."""

    job: Job
    task: Task
    restartable: bool
    started_at: float = 0.0  # time.monotonic(); 0 until it runs
    saved_at: float = 0.0
    pauses: int = 0
    stopping: bool = False
    asyncio_task: asyncio.Task[None] | None = None


def next_step(work: Work[Mapping[str, Any]]) -> Step:
    """The next step of the work: its progress, or its result if it ended. (A future cannot carry StopIteration.)"""
    try:
        return next(work)
    except StopIteration as stop:
        result: Mapping[str, Any] = stop.value
        return result


async def run_in_thread(step: Callable[[], T]) -> T:
    """A `run_step` for work that does not use the device."""
    return await asyncio.to_thread(step)


def prepared(queue: str, prepare: Callable[[], Awaitable[Task]]) -> Task:
    """A task of which only its queue is known before it has its turn; `prepare` then returns it."""

    def start(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        raise RuntimeError("the task was not prepared")

    return Task(start, run_in_thread, queue, prepare)
