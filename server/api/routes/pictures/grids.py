"""Grids: one edit with several seeds, as a sheet of pictures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from latentwalk import edit as edits
from server.api.dependencies import ServicesDep
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role
from server.services import sheets

router = APIRouter(prefix="/api/grids")


class Grid(BaseModel):
    """An edit, the seeds to show it with, and the number of columns (by default as many as rows)."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1, max_length=sheets.MOST_SEEDS)]
    columns: Annotated[int, Field(ge=1, le=sheets.MOST_SEEDS)] | None = None


@router.post(
    "",
    dependencies=[needs(Role.VIEWER, quiet=True)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def grid(services: ServicesDep, person: PersonDep, body: Grid) -> Response:
    """The exact pictures of an edit with each of the seeds, as one PNG with captions."""
    wanted = sheets.of_seeds(edits.parse(body.edit), body.seeds)
    data = await sheets.grid_file(services.backend, wanted, body.columns, person.id)
    return Response(data, media_type="image/png")
