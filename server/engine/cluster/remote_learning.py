"""Runs a learning job on a worker, step by step, and continues on another worker if that one is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from latentwalk.errors import LatentwalkError, ModelFailed, Overloaded
from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.resume_state import ResumeState
from server.engine.cluster.worker_pool import LOAD_TIMEOUT, WorkerLost, WorkerPool, WorkerSlot
from server.engine.cluster.workers import WorkerStep
from server.jobs.checkpoints import Checkpoint
from server.storage.db.job import Kind

TRIES = 3  # workers lost without a new checkpoint in between, after which the job fails
STEP_TIMEOUT = 900.0  # seconds for one step of a worker that is alive
CRASHED = f"{TRIES} workers were lost while this job ran, so it is not started again."
WAITING = "Waiting for a worker"
CONTINUING = "The worker was lost; continuing on another"


def learn_remotely(
    pool: WorkerPool,
    loop: asyncio.AbstractEventLoop,
    kind: Kind,
    request: Mapping[str, Any],
    resume_state: ResumeState,
) -> Work[Mapping[str, Any]]:
    """The work of a job, done by a worker of `pool`. Run its steps in a thread, where they block on `loop`.

    Raises what the worker raises, and ModelFailed if too many workers are lost without a new checkpoint.
    """
    assert isinstance(resume_state, Checkpoint), "remote jobs keep their state on the disk that all workers share"
    job, share, lost, mark = resume_state.job, 0.0, 0, resume_state.mark
    while True:
        try:
            slot: WorkerSlot = _wait(loop, pool.reserve(request["generator"]))
        except Overloaded:  # no worker is alive; the job keeps its state and waits
            yield Progress(share, WAITING)
            continue
        try:
            _wait(loop, pool.call_worker(slot, "begin", job, kind, request, timeout=LOAD_TIMEOUT))
            while True:
                step: WorkerStep = _wait(loop, pool.call_worker(slot, "step", job, timeout=STEP_TIMEOUT))
                if step.progress is None:
                    return step.result or {}
                share = max(share, step.progress.share)
                save = _checkpoint_saver(pool, loop, slot, job) if step.has_checkpoint else None
                yield replace(step.progress, save_checkpoint=save)
        except WorkerLost:
            lost, mark = (lost + 1 if resume_state.mark == mark else 1), resume_state.mark
            if lost >= TRIES:
                raise ModelFailed(CRASHED, "Request a smaller job, or see the workers' logs.") from None
            yield Progress(share, CONTINUING)
        finally:
            with suppress(WorkerLost, LatentwalkError):
                _wait(loop, pool.call_worker(slot, "end", job))
            loop.call_soon_threadsafe(pool.release, slot)


def _checkpoint_saver(
    pool: WorkerPool, loop: asyncio.AbstractEventLoop, slot: WorkerSlot, job: str
) -> Callable[[], None]:
    def save() -> None:
        with suppress(WorkerLost):  # the next step raises it too, and continues from the checkpoint before
            _wait(loop, pool.call_worker(slot, "save_checkpoint", job))

    return save


def _wait(loop: asyncio.AbstractEventLoop, coroutine: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
