"""Background work: what runs, what became of it, and its progress as an event stream."""

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
from server.jobs.job import Job

router = APIRouter(prefix="/api/jobs")

PACE = 0.15  # seconds between events; people do not read faster
PATIENCE = 15.0


def known(services: ServicesDep, id: str) -> Job:
    """The job in the path; refused before an event stream begins, when it can still be a 404."""
    return services.jobs.events.get(id)


JobDep = Annotated[Job, Depends(known)]


@router.get("")
async def every_job(services: ServicesDep) -> dict[str, Any]:
    """Every job, newest first."""
    return {"jobs": [schemas.job(job) for job in services.jobs.events.all()]}


@router.get("/{id}")
async def one_job(job: JobDep) -> dict[str, Any]:
    """One job."""
    return schemas.job(job)


@router.delete("/{id}", status_code=202, dependencies=[needs(Role.VIEWER)])
async def cancel(request: Request, services: ServicesDep, job: JobDep) -> dict[str, Any]:
    """Ask a job to stop; it does after the chunk in hand. Viewers may stop what they started themselves."""
    may_stop(request, job)
    return schemas.job(await services.jobs.cancel(job.id))


@router.get("/{id}/events", response_class=EventSourceResponse, responses=PLAIN_RESPONSES)
async def events(
    services: ServicesDep, job: JobDep, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """The job whenever it changes, until it ends. A client that comes back with Last-Event-ID misses nothing."""
    seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() else -1
    while True:
        job = await services.jobs.events.wait_for_change(job.id, seen, PATIENCE)
        if job.version > seen or job.state.is_end:
            seen = job.version
            ended = job.state.is_end
            yield ServerSentEvent(event="job", id=str(seen), data=schemas.job(job))
            if ended:
                return
            await asyncio.sleep(PACE)


@router.get("/{id}/preview.jpg", response_class=Response)
async def preview(services: ServicesDep, job: JobDep) -> Response:
    """The newest picture of the work."""
    return Response(
        services.jobs.events.strip(job.id), media_type="image/jpeg", headers={"cache-control": "private, no-cache"}
    )
