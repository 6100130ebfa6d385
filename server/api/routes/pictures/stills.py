"""Stills: the picture of an edit, posted as JSON or given in a cacheable address."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from latentwalk import edit as edits
from latentwalk.rendering.image_codec import MEDIA_TYPES, Format
from server.api.dependencies import Services, ServicesDep
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role

router = APIRouter(prefix="/api/render")


@router.post(
    "",
    dependencies=[needs(Role.VIEWER, quiet=True)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def render(services: ServicesDep, person: PersonDep, edit: Annotated[dict[str, Any], Body()]) -> Response:
    """The image of an edit at full precision, as PNG."""
    return await _image(services, edits.parse(edit), "png", None, person.id)


@router.get("", response_class=Response, responses={200: {"content": {"image/*": {}}}})
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
