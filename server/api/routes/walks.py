"""Walks: what a timeline shows when, what a film of it would cost, the film; recipes out of files; sounds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from latentwalk import edit as edits
from latentwalk.films import timeline
from latentwalk.films.presets import MOST_STOPS, PresetRequest, presets
from latentwalk.films.recipe_extraction import media_type, recipe_of
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role
from server.services.cinema import MOST_MOMENTS
from server.services.filming import credential_view

router = APIRouter(prefix="/api/walks")


class Moments(BaseModel):
    """A timeline, and how many moments of which seconds of its film are wanted."""

    model_config = ConfigDict(extra="forbid")

    timeline: dict[str, Any]
    count: Annotated[int, Field(ge=2, le=MOST_MOMENTS)] | None = None
    start: Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)] = 0.0
    stop: Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)] | None = None


class Estimate(BaseModel):
    """A timeline."""

    model_config = ConfigDict(extra="forbid")

    timeline: dict[str, Any]


class Start(BaseModel):
    """What a preset is made from; each takes what it needs."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    seconds: Annotated[float, Field(ge=0.5, le=600, allow_inf_nan=False)] = 8.0
    seeds: Annotated[int, Field(ge=2, le=MOST_STOPS)] = 5
    direction: Annotated[str, Field(max_length=64)] | None = None
    classes: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=2)] = ()


@router.post("/edits", dependencies=[needs(Role.VIEWER, quiet=True)])
async def moments(services: ServicesDep, wish: Moments) -> dict[str, Any]:
    """The edits of moments evenly spread over the film: what a dragged playhead sends to the live socket."""
    return await services.cinema.moments(timeline.read(wish.timeline), wish.count, (wish.start, wish.stop))


@router.post("/estimate", dependencies=[needs(Role.VIEWER, quiet=True)])
async def estimate(services: ServicesDep, wish: Estimate) -> dict[str, Any]:
    """The film's length, size in pixels and bytes, and the seconds of rendering."""
    return await services.cinema.estimate(timeline.read(wish.timeline))


@router.get("/presets")
def every_preset() -> dict[str, Any]:
    """The walks to start from."""
    shown = [
        {"id": preset.id, "title": preset.title, "about": preset.about, "needs": list(preset.needs)}
        for preset in presets().values()
    ]
    return {"presets": shown}


@router.post("/presets/{id}", dependencies=[needs(Role.VIEWER, quiet=True)])
async def preset(services: ServicesDep, id: str, wish: Start) -> dict[str, Any]:
    """The timeline of a preset."""
    edit = edits.parse(wish.edit)
    made = await services.cinema.preset(id, PresetRequest(edit, wish.seconds, wish.seeds, wish.direction, wish.classes))
    return {"timeline": made.plain()}


@router.post("/export", status_code=202, dependencies=[needs(Role.VIEWER, job=True)])
async def export(services: ServicesDep, who: PersonDep, walk: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Start a film of a timeline."""
    return schemas.job(await services.cinema.export(timeline.read(walk), person=who.id))


@router.post("/restore", openapi_extra=RAW, dependencies=[needs(Role.VIEWER, quiet=True)])
async def restore(services: ServicesDep, request: Request) -> dict[str, Any]:
    """The walk or edit that a file carries; its bytes are the body."""
    data = await request.body()

    def found() -> dict[str, Any]:
        kind, recipe = recipe_of(data)
        credential = credential_view(services.signer.credential(data, media_type(data)))
        if kind == "walk":
            return {"kind": kind, "timeline": timeline.read(recipe).plain(), "credential": credential}
        edit = edits.parse(recipe).model_dump(mode="json", exclude_defaults=True)
        return {"kind": kind, "edit": edit, "credential": credential}

    return await run_in_threadpool(found)


@router.post("/audio", openapi_extra=RAW, dependencies=[needs(Role.EDITOR)])
async def audio(
    services: ServicesDep, request: Request, name: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """Keep a sound for films; its bytes are the body. The answer has the beats that are heard in it."""
    data = await request.body()
    return await run_in_threadpool(lambda: services.audio_files.keep(data, name))
