"""Provenance: how files are signed here, a signed picture of an edit, and whether a file was made here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from latentwalk import edit as edits
from latentwalk.rendering import image_codec
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import needs
from server.auth.roles import Role
from server.services.filming import made_here

router = APIRouter(prefix="/api/provenance")


class Still(BaseModel):
    """An edit whose picture is to be taken away; `mark` writes on it that it is AI-generated."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    format: image_codec.Format = "png"
    size: Annotated[int, Field(ge=32, le=4096)] | None = None
    mark: bool = False


@router.get("")
async def signing(services: ServicesDep) -> dict[str, Any]:
    """Whether and with whose key files are signed, and what that proves."""
    return await run_in_threadpool(services.signer.view)


@router.post("/check", openapi_extra=RAW, dependencies=[needs(Role.VIEWER, quiet=True)])
async def check(services: ServicesDep, request: Request) -> dict[str, Any]:
    """Whether the file in the body was made here, and what its credential says."""
    data = await request.body()
    return await run_in_threadpool(lambda: made_here(data, services.signer))


@router.post("/still", response_class=Response, dependencies=[needs(Role.VIEWER, quiet=True)])
async def still(services: ServicesDep, wish: Still) -> Response:
    """The exact picture of an edit as a file that says what it is: recipe, XMP and content credential in it."""
    edit = edits.parse(wish.edit)
    data = await services.cinema.still(edit, wish.format, size=wish.size, mark=wish.mark)
    name = f"latentwalk-{edit.generator}.{wish.format}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=image_codec.MEDIA_TYPES[wish.format], headers=headers)
