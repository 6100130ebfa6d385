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
RunStep = Callable[[Callable[[], Step]], Awaitable[Step]]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A piece of work.

    `start` begins it from a resume state, `run_step` runs one step wherever its steps belong (a thread, or the
    inference thread), and tasks with the same `queue` share that queue's capacity.
    """

    start: Callable[[ResumeState], Work[Mapping[str, Any]]]
    run_step: RunStep
    queue: str


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
