"""Provenance: the signing status, a signed image of an edit, and whether a file was made here."""

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
from server.services.provenance import check_file

router = APIRouter(prefix="/api/provenance")


class Still(BaseModel):
    """An edit whose image is exported; `mark` writes on the image that it is AI-generated."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    format: image_codec.Format = "png"
    size: Annotated[int, Field(ge=32, le=4096)] | None = None
    mark: bool = False


@router.get("")
async def signing(services: ServicesDep) -> dict[str, Any]:
    """Whether files are signed, with whose key, and what that proves."""
    return await run_in_threadpool(services.signer.view)


@router.post("/check", openapi_extra=RAW, dependencies=[needs(Role.VIEWER, quiet=True)])
async def check(services: ServicesDep, request: Request) -> dict[str, Any]:
    """Whether the file in the body was made here, and what its content credential says."""
    data = await request.body()
    return await run_in_threadpool(check_file, data, services.signer)


@router.post("/still", response_class=Response, dependencies=[needs(Role.VIEWER, quiet=True)])
async def still(services: ServicesDep, body: Still) -> Response:
    """The image of an edit as a file that carries its recipe, XMP metadata and a content credential."""
    edit = edits.parse(body.edit)
    data = await services.stills.render(edit, body.format, size=body.size, mark=body.mark)
    name = f"latentwalk-{edit.generator}.{body.format}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=image_codec.MEDIA_TYPES[body.format], headers=headers)
