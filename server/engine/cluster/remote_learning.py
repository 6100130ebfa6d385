"""Learning on another machine, followed from here: chunk by chunk, from the last checkpoint where a worker is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from latentwalk.errors import LatentwalkError, ModelFailed, Overloaded
from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.resume_state import ResumeState
from server.engine.cluster.worker_pool import LOAD, WorkerLost, WorkerPool, WorkerSlot
from server.engine.cluster.workers import WorkerStep
from server.jobs.checkpoints import Checkpoint
from server.jobs.job import Kind

TRIES = 3  # workers lost without a new checkpoint between them, after which work is given up
CHUNK = 900.0  # seconds for a chunk, of a worker that lives
POISON = f"{TRIES} workers were lost while this ran, so it is not begun again."
NOBODY = "Waits for a worker"
GOING_ON = "The worker was lost; going on with another"


def learn_remotely(
    pool: WorkerPool, loop: asyncio.AbstractEventLoop, kind: Kind, request: Mapping[str, Any], memory: ResumeState
) -> Work[Mapping[str, Any]]:
    """The work of a job, done by a worker of `pool`. To be driven in a thread: it waits there for `loop`."""
    assert isinstance(memory, Checkpoint), "what is learned elsewhere is remembered on disk, where both can read it"
    job, share, lost, mark = memory.job, 0.0, 0, memory.mark
    while True:
        try:
            seat: WorkerSlot = _wait(loop, pool.take(request["generator"]))
        except Overloaded:  # nobody is there: what was learned so far is not thrown away for that
            yield Progress(share, NOBODY)
            continue
        try:
            _wait(loop, pool.ask(seat, "begin", job, kind, request, patience=LOAD))
            while True:
                step: WorkerStep = _wait(loop, pool.ask(seat, "step", job, patience=CHUNK))
                if step.progress is None:
                    return step.result or {}
                share = max(share, step.progress.share)
                yield replace(step.progress, remember=_remember(pool, loop, seat, job) if step.remembers else None)
        except WorkerLost:
            lost, mark = (lost + 1 if memory.mark == mark else 1), memory.mark
            if lost >= TRIES:
                raise ModelFailed(POISON, "Ask for less, or see the workers' logs.") from None
            yield Progress(share, GOING_ON)
        finally:
            with suppress(WorkerLost, LatentwalkError):
                _wait(loop, pool.ask(seat, "end", job))
            loop.call_soon_threadsafe(pool.leave, seat)


def _remember(pool: WorkerPool, loop: asyncio.AbstractEventLoop, seat: WorkerSlot, job: str) -> Callable[[], None]:
    def remember() -> None:
        with suppress(WorkerLost):  # the next step says so, and goes on from what was remembered before
            _wait(loop, pool.ask(seat, "remember", job))

    return remember


def _wait(loop: asyncio.AbstractEventLoop, question: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(question, loop).result()
