"""Generators: list them, download one, invert an image, and render an edit."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from latentwalk import edit as edits
from latentwalk.rendering.image_codec import MEDIA_TYPES, Format
from server.api import schemas
from server.api.dependencies import Services, ServicesDep
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


@router.post(
    "/render",
    dependencies=[needs(Role.VIEWER, quiet=True)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def render(services: ServicesDep, person: PersonDep, edit: Annotated[dict[str, Any], Body()]) -> Response:
    """The image of an edit at full precision, as PNG."""
    return await _image(services, edits.parse(edit), "png", None, person.id)


@router.get("/render", response_class=Response, responses={200: {"content": {"image/*": {}}}})
async def render_cached(
    request: Request,
    services: ServicesDep,
    person: PersonDep,
    edit: str,
    format: Format = "png",
    size: Annotated[int | None, Query(ge=8, le=4096)] = None,
) -> Response:
    """The image of an edit given in the URL, cacheable by its ETag; `size` limits its longest side, in px."""
    parsed = edits.parse_text(edit)
    tag = _etag(services, parsed, f"{format}{size}")
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    response = await _image(services, parsed, format, size, person.id)
    response.headers.update({"etag": tag, "cache-control": "private, no-cache"})
    return response


async def _image(services: Services, edit: edits.Edit, format: Format, size: int | None, person: str) -> Response:
    frame = await services.backend.still(edit, format, longest=size, person=person)
    headers = {"x-latentwalk-edit": edits.canonical(edit)}
    return Response(frame.data, media_type=MEDIA_TYPES[format], headers=headers)


def _etag(services: Services, edit: edits.Edit, variant: str) -> str:
    # The stamp covers the directions: a direction learned again gives the same edit another image.
    spec = services.library.spec(edit.generator)
    stamp = services.library.stamp(edit)
    parts = (services.version, spec.fingerprint, edits.canonical(edit), variant, stamp)
    return f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]}"'
