"""Imports: a stranger's generator seen before anything of it is kept, then kept or thrown away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.middleware.body_limits import RAW
from server.api.permissions import needs
from server.auth.roles import Role

router = APIRouter(prefix="/api/imports")

Text = Annotated[str, Field(max_length=2000)]
Part = Literal["licence", "data", "data_licence", "shows_badly"]


class Keep(BaseModel):
    """Under which name a file is kept, what is said of it, and the golden hash that was seen."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=40)]
    title: Annotated[str, Field(max_length=80)] = ""
    card: dict[Part, Text] = {}
    golden: Annotated[str, Field(max_length=64)]


@router.post("", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.ADMIN)])
async def bring(services: ServicesDep, request: Request, name: Annotated[str, Query(max_length=40)]) -> dict[str, Any]:
    """The passport of a checkpoint, the request's body. It is read in a jail; nothing of it is kept yet."""
    return await services.quarantine.bring(request.stream(), name)


@router.post("/{id}", status_code=201, dependencies=[needs(Role.ADMIN)])
async def keep(services: ServicesDep, id: str, wish: Keep) -> dict[str, Any]:
    """Keep a file that was seen, as a generator."""
    card = {str(part): text for part, text in wish.card.items()}
    name = await services.quarantine.keep(id, wish.name, wish.title, card, wish.golden)
    return schemas.generator(services.library, name)


@router.delete("/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def drop(services: ServicesDep, id: str) -> None:
    """Throw a file away that was seen."""
    services.quarantine.drop(id)
