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
from server.services.generators import checkpoint_import

router = APIRouter(prefix="/api/imports")

Text = Annotated[SeveralLines, Field(max_length=2000)]
Part = Literal["licence", "data", "data_licence", "shows_badly"]


class Graph(BaseModel):
    """What its owner says about an ONNX graph; what is left out is guessed."""

    model_config = ConfigDict(extra="forbid")

    range: Literal["-1..1", "0..1", "0..255"] | None = None
    classes: Annotated[int, Field(ge=2, le=10_000)] | None = None
    inputs: Annotated[
        dict[
            Annotated[str, Field(max_length=200)],
            Literal["z", "weights", "label", "psi", "constant"],
        ],
        Field(max_length=8),
    ] = {}

    def parts(self) -> tuple[str | None, int | None, dict[str, str]]:
        """The range, the number of classes, and the roles of inputs by name."""
        return self.range, self.classes, {name: str(role) for name, role in self.inputs.items()}


class Keep(BaseModel):
    """The name to keep a file under, what its card says, and the golden hash of its preview."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=40)]
    title: Annotated[SingleLine, Field(max_length=80)] = ""
    card: dict[Part, Text] = {}
    golden: Annotated[str, Field(max_length=64)]
    graph: Graph | None = None


@router.post("", openapi_extra=RAW, status_code=201, dependencies=[needs(Role.ADMIN)])
async def upload(services: ServicesDep, request: Request, name: Annotated[str, Query(max_length=40)]) -> dict[str, Any]:
    """Preview a checkpoint (the body): its passport and first image. It is read in the sandbox and not kept yet."""
    return await services.quarantine.upload(request.stream(), name)


@router.post("/{id}", status_code=201, dependencies=[needs(Role.ADMIN)])
async def keep(services: ServicesDep, id: str, body: Keep) -> dict[str, Any]:
    """Keep a previewed checkpoint as a generator."""
    card = {str(part): text for part, text in body.card.items()}
    graph = checkpoint_import.graph_options(*body.graph.parts()) if body.graph else None
    name = await services.quarantine.keep(id, body.name, body.title, card, body.golden, graph)
    return schemas.generator(services.library, name)


@router.post("/{id}/preview", dependencies=[needs(Role.ADMIN)])
async def preview(
    services: ServicesDep, id: str, body: Graph, name: Annotated[str, Query(max_length=40)]
) -> dict[str, Any]:
    """Preview an uploaded ONNX graph again, with another output range, number of classes or roles of its inputs."""
    return await services.quarantine.preview(id, name, checkpoint_import.graph_options(*body.parts()))


@router.delete("/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def discard(services: ServicesDep, id: str) -> None:
    """Discard a previewed checkpoint."""
    services.quarantine.discard(id)
