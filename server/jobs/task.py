"""How a piece of background work is to be done, apart from who looks after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.resume_state import ResumeState
from server.jobs.job import Job

T = TypeVar("T")
Step = Progress | Mapping[str, Any]
RunStep = Callable[[Callable[[], Step]], Awaitable[Step]]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """`make` begins the work from what its memory holds, `drive` runs one chunk wherever chunks of it belong, and plans
    of one `queue` wait for each other."""

    make: Callable[[ResumeState], Work[Mapping[str, Any]]]
    drive: RunStep
    queue: str


RestoreTask = Callable[[Job, Mapping[str, Any]], Awaitable[Task]]


@dataclass(slots=True, eq=False)
class TaskRun:
    """What a job needs only while it is under way; `again`: a later server can begin it by itself."""

    job: Job
    plan: Task
    again: bool
    begun: float = 0.0
    saved: float = 0.0
    pauses: int = 0
    stopping: bool = False
    task: asyncio.Task[None] | None = None


def next_step(work: Work[Mapping[str, Any]]) -> Step:
    """The next chunk: its progress, or the result once there is one. (A future cannot carry StopIteration.)"""
    try:
        return next(work)
    except StopIteration as done:
        result: Mapping[str, Any] = done.value
        return result


async def run_in_thread(chunk: Callable[[], T]) -> T:
    """The drive of work that needs no device."""
    return await asyncio.to_thread(chunk)
