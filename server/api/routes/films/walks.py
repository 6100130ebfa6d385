"""Walks: edits along a timeline, estimates, presets, films, recipes out of files, and audio."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from latentwalk import edit as edits
from latentwalk.films import timeline
from latentwalk.films.presets import MOST_STOPS, PresetRequest, presets
from models.external_text import SingleLine
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role
from server.services.films.previews import MOST_MOMENTS
from server.services.provenance import restore_file

router = APIRouter(prefix="/api/walks")


class MomentsBody(BaseModel):
    """A timeline, the number of moments wanted, and the part of the film to take them from, in seconds."""

    model_config = ConfigDict(extra="forbid")

    timeline: dict[str, Any]
    count: Annotated[int, Field(ge=2, le=MOST_MOMENTS)] | None = None
    start: Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)] = 0.0
    stop: Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)] | None = None


class EstimateBody(BaseModel):
    """A timeline."""

    model_config = ConfigDict(extra="forbid")

    timeline: dict[str, Any]


class PresetBody(BaseModel):
    """What a preset starts from; each preset uses the fields it needs."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    seconds: Annotated[float, Field(ge=0.5, le=600, allow_inf_nan=False)] = 8.0
    seeds: Annotated[int, Field(ge=2, le=MOST_STOPS)] = 5
    direction: Annotated[str, Field(max_length=64)] | None = None
    classes: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=2)] = ()


@router.post("/edits", dependencies=[needs(Role.VIEWER, quiet=True)])
async def moments(services: ServicesDep, body: MomentsBody) -> dict[str, Any]:
    """The edits of moments spread evenly over the film, which the page sends to the live socket while scrubbing."""
    walk = timeline.read(body.timeline)
    found = await services.walk_previews.moments(walk, body.count, (body.start, body.stop))
    return await run_in_threadpool(schemas.moments, found)  # thousands of edits, in a large grid


@router.post("/estimate", dependencies=[needs(Role.VIEWER, quiet=True)])
async def estimate(services: ServicesDep, body: EstimateBody) -> dict[str, Any]:
    """The film's length, its size in pixels and bytes, and the seconds of rendering."""
    return asdict(await services.walk_previews.estimate(timeline.read(body.timeline)))


@router.get("/presets")
def list_presets() -> dict[str, Any]:
    """The presets to start a walk from."""
    views = [
        {"id": preset.id, "title": preset.title, "about": preset.about, "needs": list(preset.needs)}
        for preset in presets().values()
    ]
    return {"presets": views}


@router.post("/presets/{id}", dependencies=[needs(Role.VIEWER, quiet=True)])
async def preset(services: ServicesDep, id: str, body: PresetBody) -> dict[str, Any]:
    """The timeline of a preset."""
    request = PresetRequest(edits.parse(body.edit), body.seconds, body.seeds, body.direction, body.classes)
    return {"timeline": (await services.walk_previews.preset(id, request)).plain()}


@router.post("/export", status_code=202, dependencies=[needs(Role.VIEWER, job=True)])
async def export(services: ServicesDep, person: PersonDep, walk: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Render a film of a timeline, as a background job."""
    return schemas.job(await services.film_jobs.start(timeline.read(walk), person=person.id))


@router.post("/restore", openapi_extra=RAW, dependencies=[needs(Role.VIEWER, quiet=True)])
async def restore(services: ServicesDep, request: Request) -> dict[str, Any]:
    """The walk or edit that a file (the body) carries, and its content credential."""
    data = await request.body()
    return await run_in_threadpool(restore_file, data, services.signer)


@router.post("/audio", openapi_extra=RAW, dependencies=[needs(Role.EDITOR)])
async def audio(
    services: ServicesDep, request: Request, name: Annotated[SingleLine, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """Keep an audio file (the body) for films; the response has the beats detected in it."""
    data = await request.body()
    return (await run_in_threadpool(services.audio_files.keep, data, name)).view()
