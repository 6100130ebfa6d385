"""Sign in: by a link with a token or by the form, sign out, and who the caller is."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from server.api.dependencies import Services, ServicesDep
from server.api.middleware.access import address, cookie_name, session_cookie
from server.api.permissions import PersonDep
from server.auth.roles import REASONS, Role
from server.auth.session_cookies import LIFETIME
from server.ops import audit_log

router = APIRouter()

TEMPLATE = "sign_in.html"
# Without a referrer browsers send the origin "null" with the form, which the middleware takes for a foreign page.
HEADERS = {"cache-control": "no-store", "referrer-policy": "same-origin"}
WRONG_TOKEN = "This token is not valid. It may have been removed, or the server was restarted."
TOKEN_NEEDED = "This server requires a token. Open the sign-in link from its operator, or paste the token here."
TOO_MANY_ATTEMPTS = "Too many wrong tokens came from your address. Wait a minute and try again."


def form(request: Request, services: Services, message: str = TOKEN_NEEDED, status: int = 401) -> Response:
    """The sign-in form, with a message."""
    return _page(request, services, {"said": message, "wrong": message is not TOKEN_NEEDED}, status)


async def by_link(request: Request, services: Services, token: str) -> Response:
    """Sign in with the token of a link. A page and not a redirect: browsers send no strict cookie with the latter."""
    cookie, message, status = await _session(request, services, token)
    if cookie is None:
        return form(request, services, message, status)
    return _set_cookie(request, services, cookie, _page(request, services, {"said": ""}, 200))


def with_session(request: Request, services: Services, response: Response) -> Response:
    """The response; on an open server with a session cookie, so that all tabs of a browser count as one person."""
    authenticator = services.authenticator
    if authenticator.open and not authenticator.person(session_cookie(request.headers)):
        return _set_cookie(request, services, authenticator.anonymous_cookie(), response)
    return response


@router.post("/sign-in", include_in_schema=False)
async def sign_in(request: Request, services: ServicesDep) -> Response:
    """Sign in with the form. The redirect comes from our own page, so browsers send the cookie along."""
    fields = parse_qs((await request.body()).decode(errors="replace"))
    cookie, message, status = await _session(request, services, fields.get("token", [""])[0].strip())
    if cookie is None:
        return form(request, services, message, status)
    return _set_cookie(request, services, cookie, RedirectResponse("./", 303))


@router.post("/sign-out", include_in_schema=False)
async def sign_out(request: Request, services: ServicesDep) -> Response:
    """Delete this browser's session cookie."""
    response = RedirectResponse("./", 303)  # relative, because a proxy may have removed a prefix from the path
    response.delete_cookie(_cookie_name(request), path=_cookie_path(services), httponly=True, samesite="strict")
    return response


@router.get("/api/me")
async def me(services: ServicesDep, person: PersonDep) -> dict[str, Any]:
    """The caller's role, the roles it covers, and for the other roles why they are needed."""
    refused = {role: reason for role, reason in REASONS.items() if not person.role.covers(role)}
    allowed = [str(role) for role in Role if person.role.covers(role)]
    return {
        "role": person.role,
        "token": person.by,
        "open": services.authenticator.open,
        "may": allowed,
        "refused": refused,
    }


async def _session(request: Request, services: Services, token: str) -> tuple[str | None, str, int]:
    # The session cookie of a token; or None, with a message and a status.
    client = address(request.scope)
    attempts = services.rate_limits.of(client, "guesses")
    known = services.authenticator.verified(token) is not None
    if not known and attempts.ask():
        return None, TOO_MANY_ATTEMPTS, 429
    cookie = await services.authenticator.sign_in(token)
    if cookie is None:
        services.metrics.refusals.labels("token").inc()
        audit_log.note("refused", reason="token", path=request.url.path, address=client)
        return None, WRONG_TOKEN, 401
    if not known:
        attempts.take(-1)  # a right token is not a failed attempt
    person = services.authenticator.person(cookie)
    assert person is not None
    audit_log.note("signed in", person=person.id, role=str(person.role), token=person.by, address=client)
    return cookie, "", 200


def _page(request: Request, services: Services, values: dict[str, Any], status: int) -> Response:
    templates = Jinja2Templates(directory=services.root / "templates")
    return templates.TemplateResponse(request, TEMPLATE, {"version": services.version, **values}, status, HEADERS)


def _set_cookie(request: Request, services: Services, cookie: str, response: Response) -> Response:
    secure = request.url.scheme == "https"
    name, path = _cookie_name(request), _cookie_path(services)
    response.set_cookie(name, cookie, max_age=LIFETIME, path=path, httponly=True, samesite="strict", secure=secure)
    return response


def _cookie_path(services: Services) -> str:
    return f"{services.settings.root_path}/"


def _cookie_name(request: Request) -> str:
    return cookie_name(request.headers.get("host", ""))
