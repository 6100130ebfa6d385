"""Generators: which there are, and one picture of an edit."""

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
def generators(services: ServicesDep) -> dict[str, Any]:
    """Every generator, installed or to be fetched."""
    library, loaded = services.library, services.backend.loaded()
    return {"generators": [schemas.generator(library, name, loaded.get(name)) for name in library.entries()]}


class Pull(BaseModel):
    """Which generator to fetch."""

    model_config = ConfigDict(extra="forbid")

    pull: Annotated[str, Field(max_length=64)]


@router.post("/generators", status_code=202, dependencies=[needs(Role.ADMIN, job=True)])
async def pull(services: ServicesDep, who: PersonDep, wish: Pull) -> dict[str, Any]:
    """Fetch a generator's weights from where the zoo pins them."""
    return schemas.job(await services.studio.pull(wish.pull, person=who.id))


@router.post(
    "/generators/{name}/invert", openapi_extra=RAW, status_code=202, dependencies=[needs(Role.EDITOR, job=True)]
)
async def invert(services: ServicesDep, request: Request, who: PersonDep, name: str) -> dict[str, Any]:
    """Find the latent of a picture (PNG, JPEG or WebP in the body); the job's result is an edit's base and classes."""
    return schemas.job(await services.studio.invert(name, await request.body(), person=who.id))


@router.post(
    "/render",
    dependencies=[needs(Role.VIEWER, quiet=True)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def render(services: ServicesDep, who: PersonDep, edit: Annotated[dict[str, Any], Body()]) -> Response:
    """The exact picture of an edit, as PNG."""
    return await _picture(services, edits.parse(edit), "png", None, who.id)


@router.get("/render", response_class=Response, responses={200: {"content": {"image/*": {}}}})
async def render_cached(
    request: Request,
    services: ServicesDep,
    who: PersonDep,
    edit: str,
    format: Format = "png",
    size: Annotated[int | None, Query(ge=8, le=4096)] = None,
) -> Response:
    """The same by address, made smaller if asked; the answer's ETag spares browsers a second transfer."""
    wish = edits.parse_text(edit)
    tag = _tag(services, wish, f"{format}{size}")
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    response = await _picture(services, wish, format, size, who.id)
    response.headers.update({"etag": tag, "cache-control": "private, no-cache"})
    return response


async def _picture(services: Services, edit: edits.Edit, format: Format, size: int | None, person: str) -> Response:
    frame = await services.backend.still(edit, format, longest=size, person=person)
    headers = {"x-latentwalk-edit": edits.canonical(edit)}
    return Response(frame.data, media_type=MEDIA_TYPES[format], headers=headers)


def _tag(services: Services, edit: edits.Edit, variant: str) -> str:
    # A relearned slider makes other pictures of the same edit, so the sliders' making is part of the tag.
    spec = services.library.spec(edit.generator)
    used = services.library.stamp(edit)
    parts = (services.version, spec.fingerprint, edits.canonical(edit), variant, used)
    return f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]}"'
