"""The gauges of the metrics: values that are looked up in the running application rather than counted."""

from __future__ import annotations

import asyncio
from functools import partial

from server.api.dependencies import Services
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.runner import JobRunner
from server.storage.db.job import State


def add_gauges(services: Services, inference_thread: InferenceThread) -> None:
    """Add the gauges to the metrics of `services`."""
    metrics = services.metrics
    metrics.gauge("live_tabs", "Open live sockets.", lambda: len(services.live_sockets))
    metrics.gauge("tasks", "Tasks on the event loop.", lambda: len(asyncio.all_tasks()))
    metrics.gauge("pictures_waiting", "Previews and stills that wait to be rendered.", services.backend.waiting)
    metrics.gauge("workers", "Devices that render.", services.backend.workers)
    metrics.gauge("ready", "1 when the server is ready for people.", lambda: services.lifecycle.state == "ready")
    waiting = {priority.name.lower(): partial(_calls_waiting, inference_thread, priority) for priority in Priority}
    metrics.gauges("lane_waiting", "Calls that wait for the inference thread.", "kind", waiting)
    in_state = {str(state): partial(_jobs_in_state, services.jobs, state) for state in State}
    metrics.gauges("jobs", "Jobs in the list, by state.", "state", in_state)


def _calls_waiting(inference_thread: InferenceThread, priority: Priority) -> int:
    return inference_thread.waiting()[priority]


def _jobs_in_state(jobs: JobRunner, state: State) -> int:
    return sum(job.state is state for job in jobs.events.all())
