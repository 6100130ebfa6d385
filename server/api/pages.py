"""The page, its scripts and styles, and the sign of life."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import Scope

from server.api.deps import ServicesDep

router = APIRouter()


class FreshFiles(StaticFiles):
    """Static files that browsers ask about each time, so that nobody runs yesterday's script against today's page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


@router.get("/", include_in_schema=False)
def explore(request: Request, services: ServicesDep) -> Response:
    """The page itself."""
    templates = Jinja2Templates(directory=services.root / "templates")
    values = {"version": services.version, "static": "/static"}
    return templates.TemplateResponse(request, "explore.html", values, headers={"cache-control": "no-cache"})


@router.get("/healthz")
def healthz(services: ServicesDep) -> dict[str, Any]:
    """Whether the server lives, and what it holds in memory."""
    return {
        "status": "ok",
        "version": services.version,
        "device": str(services.shelf.device),
        "generators": list(services.shelf.loaded()),
    }
