"""Films: start one, list them, take them away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, Response

from latentwalk import edit as edits
from latentwalk.films.encoding.formats import containers
from latentwalk.films.timeline import Format, fps_for, read
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role

router = APIRouter(prefix="/api/exports")


class Sweep(BaseModel):
    """A film of one slider, there and back; or, with `recipe`, of any keyframes."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    sweep: Annotated[str, Field(max_length=64)]
    format: Format = "mp4"
    seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 4.0
    fps: Annotated[int, Field(ge=1, le=60)] = 30
    size: Annotated[int, Field(ge=32, le=2048)] | None = None
    range: tuple[float, float] | None = None


@router.get("")
def every_export(services: ServicesDep) -> dict[str, Any]:
    """Every finished film, newest first."""
    return {"exports": [schemas.export(export) for export in services.film_archive.all()]}


@router.post("", status_code=202, dependencies=[needs(Role.VIEWER, job=True)])
async def start(services: ServicesDep, who: PersonDep, wish: Sweep) -> dict[str, Any]:
    """Start a film of a slider."""
    output = {"format": wish.format, "fps": fps_for(wish.format, wish.fps), "size": wish.size}
    edit = edits.parse(wish.edit)
    how = {"seconds": wish.seconds, "span": wish.range, "output": output}
    return schemas.job(await services.cinema.sweep(edit, wish.sweep, person=who.id, **how))


@router.post("/recipe", status_code=202, dependencies=[needs(Role.VIEWER, job=True)])
async def start_recipe(
    services: ServicesDep, who: PersonDep, recipe: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """Start a film of a timeline; recipes of the first version are timelines too."""
    return schemas.job(await services.cinema.export(read(recipe), person=who.id))


@router.get("/{id}/file", response_class=FileResponse)
def file(services: ServicesDep, id: str, inline: bool = False) -> Response:
    """The film, to be kept or, `inline`, to be played in the page."""
    container = containers()[services.film_archive.get(id)["format"]]
    name = f"latentwalk-{id}.{container.extension}"
    how = "inline" if inline else "attachment"
    path = services.film_archive.checked(id)
    return FileResponse(path, media_type=container.media_type, filename=name, content_disposition_type=how)


@router.get("/{id}/sidecar.json", response_class=FileResponse)
def sidecar(services: ServicesDep, id: str) -> Response:
    """The film's credential where its format carries none."""
    services.film_archive.get(id)
    name = f"latentwalk-{id}.credential.json"
    return FileResponse(services.film_archive.sidecar(id), media_type="application/json", filename=name)


@router.get("/{id}/thumb.jpg", response_class=FileResponse)
def thumbnail(services: ServicesDep, id: str) -> Response:
    """The film's first picture."""
    services.film_archive.get(id)
    return FileResponse(services.film_archive.thumbnail(id), media_type="image/jpeg")


@router.delete("/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def remove(services: ServicesDep, id: str) -> None:
    """Remove a film."""
    services.film_archive.remove(id)
