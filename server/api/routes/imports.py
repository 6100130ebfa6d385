"""Imports: preview an uploaded checkpoint, then keep it as a generator or discard it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from models.external_text import SeveralLines, SingleLine
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import needs
from server.auth.roles import Role

router = APIRouter(prefix="/api/imports")

Text = Annotated[SeveralLines, Field(max_length=2000)]
Part = Literal["licence", "data", "data_licence", "shows_badly"]


class Keep(BaseModel):
    """The name to keep a file under, what its card says, and the golden hash of its preview."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=40)]
    title: Annotated[SingleLine, Field(max_length=80)] = ""
    card: dict[Part, Text] = {}
    golden: Annotated[str, Field(max_length=64)]


@router.post("", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.ADMIN)])
async def upload(services: ServicesDep, request: Request, name: Annotated[str, Query(max_length=40)]) -> dict[str, Any]:
    """Preview a checkpoint (the body): its passport and first image. It is read in the sandbox and not kept yet."""
    return await services.quarantine.upload(request.stream(), name)


@router.post("/{id}", status_code=201, dependencies=[needs(Role.ADMIN)])
async def keep(services: ServicesDep, id: str, body: Keep) -> dict[str, Any]:
    """Keep a previewed checkpoint as a generator."""
    card = {str(part): text for part, text in body.card.items()}
    name = await services.quarantine.keep(id, body.name, body.title, card, body.golden)
    return schemas.generator(services.library, name)


@router.delete("/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def discard(services: ServicesDep, id: str) -> None:
    """Discard a previewed checkpoint."""
    services.quarantine.discard(id)
