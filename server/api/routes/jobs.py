"""Jobs: list them, cancel one, follow one as an event stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.error_responses import PLAIN_RESPONSES
from server.api.permissions import may_stop, needs
from server.auth.roles import Role
from server.storage.db.job import Job

router = APIRouter(prefix="/api/jobs")

EVENT_INTERVAL = 0.15  # seconds between events; people do not read faster
WAIT = 15.0  # seconds without a change after which the job is looked at again


def find_job(services: ServicesDep, id: str) -> Job:
    """The job in the path, looked up before an event stream begins, while the response can still be a 404."""
    return services.jobs.events.get(id)


JobDep = Annotated[Job, Depends(find_job)]


@router.get("")
async def list_jobs(services: ServicesDep) -> dict[str, Any]:
    """Every job, newest first."""
    return {"jobs": [schemas.job(job) for job in services.jobs.events.all()]}


@router.get("/{id}")
async def one_job(job: JobDep) -> dict[str, Any]:
    """One job."""
    return schemas.job(job)


@router.delete("/{id}", status_code=202, dependencies=[needs(Role.VIEWER)])
async def cancel(request: Request, services: ServicesDep, job: JobDep) -> dict[str, Any]:
    """Cancel a job; it stops after its current chunk. Viewers may cancel only jobs that they started."""
    may_stop(request, job)
    return schemas.job(await services.jobs.cancel(job.id))


@router.get("/{id}/events", response_class=EventSourceResponse, responses=PLAIN_RESPONSES)
async def events(
    services: ServicesDep, job: JobDep, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """The job each time it changes, until it ends. A client that reconnects with Last-Event-ID misses nothing."""
    seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() else -1
    while True:
        job = await services.jobs.events.wait_for_change(job.id, seen, WAIT)
        if job.version > seen or job.state.is_end:
            seen = job.version
            ended = job.state.is_end
            yield ServerSentEvent(event="job", id=str(seen), data=schemas.job(job))
            if ended:
                return
            await asyncio.sleep(EVENT_INTERVAL)


@router.get("/{id}/preview.jpg", response_class=Response)
async def preview(services: ServicesDep, job: JobDep) -> Response:
    """The newest preview image of the job."""
    return Response(
        services.jobs.events.strip(job.id), media_type="image/jpeg", headers={"cache-control": "private, no-cache"}
    )
