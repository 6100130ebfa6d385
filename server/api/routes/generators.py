"""Generators: list them, download one, and invert an image."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role

router = APIRouter(prefix="/api")


@router.get("/generators")
def list_generators(services: ServicesDep) -> dict[str, Any]:
    """Every generator, installed or available for download, and the stored ones that are damaged."""
    library, loaded = services.library, services.backend.loaded()
    return {
        "generators": [schemas.generator(library, name, loaded.get(name)) for name in library.entries()],
        "damaged": schemas.damaged(library.damaged_generators()),
    }


class Pull(BaseModel):
    """A generator to download."""

    model_config = ConfigDict(extra="forbid")

    pull: Annotated[str, Field(max_length=64)]


@router.post("/generators", status_code=202, dependencies=[needs(Role.ADMIN, job=True)])
async def pull(services: ServicesDep, person: PersonDep, body: Pull) -> dict[str, Any]:
    """Download a generator's weights from the place that the catalogue pins, as a background job."""
    return schemas.job(await services.generator_jobs.download(body.pull, person=person.id))


@router.post(
    "/generators/{name}/invert", openapi_extra=RAW, status_code=202, dependencies=[needs(Role.EDITOR, job=True)]
)
async def invert(services: ServicesDep, request: Request, person: PersonDep, name: str) -> dict[str, Any]:
    """Find the latent of an image (the body: PNG, JPEG or WebP); the job's result is an edit's base and classes."""
    return schemas.job(await services.generator_jobs.invert(name, await request.body(), person=person.id))
