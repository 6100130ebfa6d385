"""Coming in: the link with a token, the page that asks for one, and who one is."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from server.api.dependencies import Services, ServicesDep
from server.api.middleware.access import address, cookie_name
from server.api.permissions import PersonDep
from server.auth.roles import REASONS, Role
from server.auth.session_cookies import LASTS
from server.ops import audit_log

router = APIRouter()

# Without a referrer browsers would send the origin “null” with the form, which the guard takes for a foreign page.
DOOR_HEADERS = {"cache-control": "no-store", "referrer-policy": "same-origin"}
WRONG = "That token is not known here. It may have been taken back, or the server was started anew."
MISSING = "This Latentwalk asks for a token. Open the link that its operator gave you, or paste the token here."
SLOWLY = "Too many wrong tokens came from your address. Wait a minute and try again."


def page(request: Request, services: Services, said: str, status: int) -> Response:
    """The page that asks for a token."""
    return _door(request, services, {"said": said, "wrong": said is not MISSING}, status)


async def by_link(request: Request, services: Services, token: str) -> Response:
    """What the link opens. A page and not a redirect: browsers would send no strict cookie along with the latter."""
    made, said, status = await _admit(request, services, token)
    if made is None:
        return page(request, services, said, status)
    return _with_pass(request, made, _door(request, services, {"said": ""}, 200))


def with_new_pass(request: Request, services: Services, response: Response) -> Response:
    """On an open server, a cookie all the same: the tabs of one browser are one person."""
    if services.authenticator.open and not services.authenticator.person(request.cookies.get(_name(request), "")):
        return _with_pass(request, services.authenticator.enter(), response)
    return response


@router.post("/sign-in", include_in_schema=False)
async def sign_in(request: Request, services: ServicesDep) -> Response:
    """The form of the page that asks; the redirect comes from our own page, so the cookie goes with it."""
    fields = parse_qs((await request.body()).decode(errors="replace"))
    made, said, status = await _admit(request, services, fields.get("token", [""])[0].strip())
    if made is None:
        return page(request, services, said, status)
    return _with_pass(request, made, RedirectResponse("/", 303))


@router.post("/sign-out", include_in_schema=False)
async def sign_out(request: Request) -> Response:
    """Forget this browser's pass."""
    response = RedirectResponse("/", 303)
    response.delete_cookie(_name(request), path="/", httponly=True, samesite="strict")
    return response


@router.get("/api/me")
async def me(services: ServicesDep, who: PersonDep) -> dict[str, Any]:
    """Who asks: their role, what it lets them do, and why the rest is refused."""
    refused = {role: reason for role, reason in REASONS.items() if not who.role.covers(role)}
    allowed = [str(role) for role in Role if who.role.covers(role)]
    return {"role": who.role, "token": who.by, "open": services.authenticator.open, "may": allowed, "refused": refused}


async def _admit(request: Request, services: Services, token: str) -> tuple[str | None, str, int]:
    where = address(request.scope)
    guesses = services.rate_limits.of(where, "guesses")
    if guesses.ask():
        return None, SLOWLY, 429
    made = await services.authenticator.admit(token)
    if made is None:
        services.metrics.refusals.labels("token").inc()
        audit_log.note("refused", reason="token", path=request.url.path, address=where)
        return None, WRONG, 401
    guesses.take(-1)  # who was right has not guessed
    who = services.authenticator.person(made)
    assert who is not None
    audit_log.note("signed in", person=who.id, role=str(who.role), token=who.by, address=where)
    return made, "", 200


def _door(request: Request, services: Services, values: dict[str, Any], status: int) -> Response:
    templates = Jinja2Templates(directory=services.root / "templates")
    return templates.TemplateResponse(
        request, "sign_in.html", {"version": services.version, **values}, status, DOOR_HEADERS
    )


def _with_pass(request: Request, made: str, response: Response) -> Response:
    secure = request.url.scheme == "https"
    response.set_cookie(_name(request), made, max_age=LASTS, path="/", httponly=True, samesite="strict", secure=secure)
    return response


def _name(request: Request) -> str:
    return cookie_name(request.headers.get("host", ""))
