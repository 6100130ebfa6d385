"""Directions: the sliders of a generator, their report cards and files, learning and discovering new ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from latentwalk.directions.direction_file import to_bytes
from latentwalk.edit import LARGEST_SEED
from latentwalk.errors import NotFound
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.transforms import transforms
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role

router = APIRouter(prefix="/api")


@router.get("/transforms")
def list_transforms(services: ServicesDep, generator: str) -> dict[str, Any]:
    """The transforms that a direction can be learned for, with the amounts to learn on this generator."""
    resolution = services.library.spec(generator).resolution
    return {"transforms": [schemas.transform(transform, resolution) for transform in transforms().values()]}


@router.get("/directions")
def list_directions(services: ServicesDep, generator: str) -> dict[str, Any]:
    """The directions of a generator, in the order of their groups, and the stored ones that are damaged."""
    library = services.library
    library.spec(generator)
    return {
        "directions": [schemas.direction(library, value) for value in library.directions(generator).values()],
        "damaged": schemas.damaged(library.damaged(generator)),
    }


class Learn(BaseModel):
    """A direction to learn for a transform; `steps` limits the duration."""

    model_config = ConfigDict(extra="forbid")

    generator: Annotated[str, Field(max_length=64)]
    transform: Annotated[str, Field(max_length=64)]
    id: Annotated[str, Field(max_length=40)] | None = None
    walk: Literal["linear", "path"] = "linear"
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    steps: Annotated[int, Field(ge=1, le=20_000)] = 400
    layers: Literal["auto", "all"] | tuple[int, int] = "auto"


class Discover(BaseModel):
    """Directions to discover: the method, and how many."""

    model_config = ConfigDict(extra="forbid")

    generator: Annotated[str, Field(max_length=64)]
    method: Literal["pca", "sefa", "styles"]
    count: Annotated[int, Field(ge=1, le=32)] = 6


@router.post("/directions/learn", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def learn(services: ServicesDep, person: PersonDep, body: Learn) -> dict[str, Any]:
    """Learn a direction for a transform, as a background job."""
    settings = LearnSettings(body.transform, walk=body.walk, steps=body.steps, seed=body.seed, layers=body.layers)
    return schemas.job(await services.learning_jobs.learn(body.generator, settings, body.id, person=person.id))


@router.post("/directions/discover", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def discover(services: ServicesDep, person: PersonDep, body: Discover) -> dict[str, Any]:
    """Discover directions without supervision, as a background job."""
    job = await services.learning_jobs.discover(body.generator, body.method, body.count, person=person.id)
    return schemas.job(job)


@router.post("/directions/upload", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.EDITOR)])
async def upload(services: ServicesDep, request: Request) -> dict[str, Any]:
    """Keep a direction file of another Latentwalk; rejected where no generator here is the one it was made for."""
    data = await request.body()
    direction = await run_in_threadpool(services.library.adopt, data)
    return schemas.direction(services.library, direction, whole=True)


@router.post("/directions/foreign", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.EDITOR)])
async def import_external(
    services: ServicesDep,
    request: Request,
    generator: Annotated[str, Query(max_length=64)],
    name: Annotated[str, Query(max_length=200)],
    space: Literal["z", "w"] | None = None,
    count: Annotated[int, Query(ge=1, le=64)] = 6,
) -> dict[str, Any]:
    """Keep the directions in another program's file (the body) as sliders, or return the base that its latent makes."""
    data = await request.body()
    imported = await services.external_directions.import_file(generator, data, name, space, count)
    return {
        "directions": [schemas.direction(services.library, direction) for direction in imported.directions],
        "base": None if imported.base is None else schemas.base(imported.base),
    }


@router.get("/directions/{generator}/{id}")
def one_direction(services: ServicesDep, generator: str, id: str) -> dict[str, Any]:
    """One direction with its report card and response curve."""
    return schemas.direction(services.library, services.library.direction(generator, id), whole=True)


@router.delete("/directions/{generator}/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def remove(services: ServicesDep, generator: str, id: str) -> None:
    """Remove a learned or damaged direction; a bundled one that it replaced becomes visible again."""
    services.library.remove(generator, id)


@router.get("/directions/{generator}/{id}/strip.jpg", response_class=FileResponse)
def strip(services: ServicesDep, generator: str, id: str) -> Response:
    """The preview strip: images along the direction, side by side."""
    services.library.direction(generator, id)
    path = services.library.strip(generator, id)
    if path is None:
        raise NotFound(f"The direction {id} has no strip.", "Learn the direction again to make one.")
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "private, no-cache"})


@router.get("/directions/{generator}/{id}/file", response_class=Response)
def file(services: ServicesDep, generator: str, id: str) -> Response:
    """The direction as a file that another Latentwalk can import."""
    direction = services.library.direction(generator, id)
    name = f"{direction.generator}-{direction.id}.safetensors"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(to_bytes(direction), media_type="application/octet-stream", headers=headers)
