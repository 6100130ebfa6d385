"""Files: what a file that somebody drops on the page is, before the page decides where to send it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.api.middleware.body_limits import RAW
from server.api.permissions import needs
from server.auth.roles import Role
from server.services.file_identification import IdentifiedFile, identify

router = APIRouter(prefix="/api/files")


@router.post("/identify", openapi_extra=RAW, dependencies=[needs(Role.VIEWER, quiet=True)])
async def identify_file(request: Request, size: Annotated[int, Query(ge=0, le=2**50)]) -> IdentifiedFile:
    """Identify a file by its first MiB (the body) and its `size` in bytes: its format, and what it can be opened as."""
    return await run_in_threadpool(identify, await request.body(), size)
