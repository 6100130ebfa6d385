"""The queues in which jobs wait for their turn, and what each waiting job says: its place, and the time left."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from server.jobs.fair_semaphore import FairSemaphore
from server.jobs.job_events import JobEvents
from server.storage.db.job import Job, State

RECENT = 5  # finished jobs of a kind from which the length of the next is estimated


class JobQueues:
    """One fair semaphore for each queue. Use on one event loop.

    `capacity` is how many jobs of a queue run at a time, 1 by default. A waiting job shows its `place` (1: the next),
    and as `eta_s` the seconds until it is done, once earlier jobs of the kinds before it tell how long they take.
    """

    def __init__(self, events: JobEvents, capacity: Mapping[str, int]) -> None:
        self._events, self._capacity = events, capacity
        self._semaphores: dict[str, FairSemaphore[str]] = {}
        self._running: dict[str, dict[str, Job]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, queue: str, job: Job) -> AsyncIterator[None]:
        """Wait for the job's turn in a queue and hold it until the end of the block."""
        if queue not in self._semaphores:
            self._semaphores[queue] = FairSemaphore(self._capacity.get(queue, 1), on_change=self.announce)
        running = self._running.setdefault(queue, {})
        async with self._semaphores[queue].acquire(job.person, job.id):
            running[job.id] = job
            job.place, job.eta_s = None, None
            self.announce()
            try:
                yield
            finally:
                del running[job.id]

    def announce(self) -> None:
        """Publish the places and times of all waiting jobs, as far as they have changed."""
        for queue, semaphore in self._semaphores.items():
            capacity = self._capacity.get(queue, 1)
            wait = self._time_left(queue)
            for place, id in enumerate(semaphore.order(), start=1):
                job = self._events.find(id)
                if job is None or job.state is not State.QUEUED:
                    continue
                own = self._usual_seconds(job.kind)
                eta = None if wait is None or own is None else round(wait + own, 1)
                message = "Waiting: it is next" if place == 1 else f"Waiting: {_count(place - 1)} before it"
                if (job.place, job.message, job.eta_s) != (place, message, eta):
                    job.place, job.message, job.eta_s = place, message, eta
                    self._events.publish(job)
                wait = None if wait is None or own is None else wait + own / capacity

    def _time_left(self, queue: str) -> float | None:
        """Seconds until a running job of the queue ends; None if none of them says so."""
        known = [job.eta_s for job in self._running.get(queue, {}).values() if job.eta_s is not None]
        return min(known, default=None)

    def _usual_seconds(self, kind: str) -> float | None:
        done = [job for job in self._events.all() if job.kind == kind and job.state is State.DONE]
        spans = [
            (datetime.fromisoformat(job.finished) - datetime.fromisoformat(job.started)).total_seconds()
            for job in done[:RECENT]
            if job.finished and job.started
        ]
        return statistics.median(spans) if spans else None


def _count(jobs: int) -> str:
    return "1 job" if jobs == 1 else f"{jobs} jobs"
