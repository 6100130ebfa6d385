"""Directions: the sliders of a generator, their report cards and files."""

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
from latentwalk.steering.learning.learn import LearnSettings
from latentwalk.steering.transforms import transforms
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role

router = APIRouter(prefix="/api")


@router.get("/transforms")
def list_transforms(services: ServicesDep, generator: str) -> dict[str, Any]:
    """What a slider can be learned for, with the amounts that would be asked for on this generator."""
    resolution = services.library.spec(generator).resolution
    return {"transforms": [schemas.transform(value, resolution) for value in transforms().values()]}


@router.get("/directions")
def list_directions(services: ServicesDep, generator: str) -> dict[str, Any]:
    """The sliders of a generator, in the order of their groups."""
    services.library.spec(generator)
    found = services.library.directions(generator).values()
    return {"directions": [schemas.direction(services.library, value) for value in found]}


class Learn(BaseModel):
    """What to learn; `steps` bounds how long."""

    model_config = ConfigDict(extra="forbid")

    generator: Annotated[str, Field(max_length=64)]
    transform: Annotated[str, Field(max_length=64)]
    id: Annotated[str, Field(max_length=40)] | None = None
    walk: Literal["linear", "path"] = "linear"
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    steps: Annotated[int, Field(ge=1, le=20_000)] = 400
    layers: Literal["auto", "all"] | tuple[int, int] = "auto"


class Discover(BaseModel):
    """What to look for, and how many."""

    model_config = ConfigDict(extra="forbid")

    generator: Annotated[str, Field(max_length=64)]
    method: Literal["pca", "sefa", "styles"]
    count: Annotated[int, Field(ge=1, le=32)] = 6


@router.post("/directions/learn", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def learn(services: ServicesDep, who: PersonDep, wish: Learn) -> dict[str, Any]:
    """Learn a slider in the background."""
    settings = LearnSettings(wish.transform, walk=wish.walk, steps=wish.steps, seed=wish.seed, layers=wish.layers)
    return schemas.job(await services.studio.learn(wish.generator, settings, wish.id, person=who.id))


@router.post("/directions/discover", status_code=202, dependencies=[needs(Role.EDITOR, job=True)])
async def discover(services: ServicesDep, who: PersonDep, wish: Discover) -> dict[str, Any]:
    """Look for sliders nobody asked for, in the background."""
    return schemas.job(await services.studio.discover(wish.generator, wish.method, wish.count, person=who.id))


@router.post("/directions/upload", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.EDITOR)])
async def upload(services: ServicesDep, request: Request) -> dict[str, Any]:
    """Keep a direction file from elsewhere; refused where it was made for none of the generators here."""
    data = await request.body()
    direction = await run_in_threadpool(services.library.adopt, data)
    return schemas.direction(services.library, direction, whole=True)


@router.post("/directions/foreign", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.EDITOR)])
async def foreign(
    services: ServicesDep,
    request: Request,
    generator: Annotated[str, Query(max_length=64)],
    name: Annotated[str, Query(max_length=200)],
    space: Literal["z", "w"] | None = None,
    count: Annotated[int, Query(ge=1, le=64)] = 6,
) -> dict[str, Any]:
    """Keep another program's directions, the request's body, as sliders; or say at which base its latent starts."""
    found = await services.studio.foreign(generator, await request.body(), name, space, count)
    return {**found, "directions": [schemas.direction(services.library, one) for one in found["directions"]]}


@router.get("/directions/{generator}/{id}")
def one_direction(services: ServicesDep, generator: str, id: str) -> dict[str, Any]:
    """One slider with its report card and response curve."""
    return schemas.direction(services.library, services.library.direction(generator, id), whole=True)


@router.delete("/directions/{generator}/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def remove(services: ServicesDep, generator: str, id: str) -> None:
    """Remove a learned slider; a bundled one that it replaced comes back."""
    services.library.remove(generator, id)


@router.get("/directions/{generator}/{id}/strip.jpg", response_class=FileResponse)
def strip(services: ServicesDep, generator: str, id: str) -> Response:
    """A row of pictures along the slider."""
    services.library.direction(generator, id)
    path = services.library.strip(generator, id)
    if path is None:
        raise NotFound(f"There is no strip of {id}.", "Learn the direction again to make one.")
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "private, no-cache"})


@router.get("/directions/{generator}/{id}/file", response_class=Response)
def file(services: ServicesDep, generator: str, id: str) -> Response:
    """The slider as a file that another Latentwalk can take in."""
    direction = services.library.direction(generator, id)
    name = f"{direction.generator}-{direction.id}.safetensors"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(to_bytes(direction), media_type="application/octet-stream", headers=headers)
