"""The page, and its static files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import Scope

from server.api.dependencies import ServicesDep
from server.api.routes import sign_in

router = APIRouter()
ENTRIES = {"js/main.js", "js/shell/sign-in.js"}  # scripts that a template starts itself


class RevalidatedFiles(StaticFiles):
    """Static files that browsers revalidate on every request, so that the page never runs with an outdated script."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with a header that makes browsers revalidate it."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


@cache
def assets(static: Path) -> dict[str, list[str]]:
    """The relative addresses of the stylesheets and of the modules to preload, read once from the folder they lie in.

    Their order does not matter: the cascade is ordered by the layers that ``app.css`` declares, which is loaded first.
    What lies below a folder ``modes`` is left out: the page loads it when it is first used.
    """
    names = {
        kind: sorted(path.relative_to(static).as_posix() for path in static.rglob(f"*.{kind}"))
        for kind in ("css", "js")
    }
    names = {kind: [name for name in listed if not name.startswith(f"{kind}/modes/")] for kind, listed in names.items()}
    styles = sorted(names["css"], key=lambda name: name != "css/app.css")
    modules = [name for name in names["js"] if name not in ENTRIES]
    return {"styles": [f"static/{name}" for name in styles], "modules": [f"static/{name}" for name in modules]}


@router.get("/", include_in_schema=False)
async def explore(request: Request, services: ServicesDep, token: str = "") -> Response:
    """The page, or the sign-in form for visitors without a valid session."""
    if token and not services.authenticator.open:
        return await sign_in.by_link(request, services, token)
    if request.scope["person"] is None:
        return sign_in.form(request, services)
    templates = Jinja2Templates(directory=services.root / "templates")
    values = {"version": services.version, **assets(services.root / "static")}
    response = templates.TemplateResponse(request, "explore.html", values, headers={"cache-control": "no-cache"})
    return sign_in.with_session(request, services, response)
