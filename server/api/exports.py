"""Films: start one, list them, take them away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, Response

from server import edits, video
from server.api import shapes
from server.api.deps import ServicesDep

router = APIRouter(prefix="/api/exports")

MEDIA_TYPES = {"mp4": "video/mp4", "gif": "image/gif"}


class Sweep(BaseModel):
    """A film of one slider, there and back; or, with `recipe`, of any keyframes."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    sweep: Annotated[str, Field(max_length=64)]
    format: Literal["mp4", "gif"] = "mp4"
    seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 4.0
    fps: Annotated[int, Field(ge=1, le=60)] = 30
    size: Annotated[int, Field(ge=32, le=2048)] | None = None
    range: tuple[float, float] | None = None


@router.get("")
def every_export(services: ServicesDep) -> dict[str, Any]:
    """Every finished film, newest first."""
    return {"exports": [shapes.export(export) for export in services.exports.all()]}


@router.post("", status_code=202)
async def start(services: ServicesDep, wish: Sweep) -> dict[str, Any]:
    """Start a film of a slider."""
    job = await services.studio.sweep(
        edits.parse(wish.edit), wish.sweep,
        seconds=wish.seconds, fps=wish.fps, size=wish.size, format=wish.format, span=wish.range,
    )  # fmt: skip
    return shapes.job(job)


@router.post("/recipe", status_code=202)
async def start_recipe(services: ServicesDep, recipe: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Start a film of keyframes."""
    read = video.read(recipe)
    title = f"{len(read.keyframes)} keyframes on {services.library.spec(read.generator).title}"
    return shapes.job(await services.studio.export(read, title))


@router.get("/{id}/file", response_class=FileResponse)
def file(services: ServicesDep, id: str) -> Response:
    """The film."""
    export = services.exports.get(id)
    name = f"latentwalk-{id}.{export['format']}"
    return FileResponse(services.exports.film(id), media_type=MEDIA_TYPES[export["format"]], filename=name)


@router.get("/{id}/thumb.jpg", response_class=FileResponse)
def thumbnail(services: ServicesDep, id: str) -> Response:
    """The film's first picture."""
    services.exports.get(id)
    return FileResponse(services.exports.thumbnail(id), media_type="image/jpeg")


@router.delete("/{id}", status_code=204)
def remove(services: ServicesDep, id: str) -> None:
    """Remove a film."""
    services.exports.remove(id)
