"""Access control: authenticates every request, applies limits, and sets the security headers of responses."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latentwalk.errors import LatentwalkError
from server.api.error_responses import MESSAGES, shaped
from server.api.middleware.body_limits import HANG_UP, BodyLimit, announced, discard, limit_of
from server.api.middleware.host_origin import HostPolicy, HostRefusal
from server.auth.authenticator import Authenticator, is_loopback
from server.auth.rate_limits import RateLimits
from server.auth.roles import Person, Role, address_account, person_id
from server.auth.session_cookies import cookie_value
from server.ops import audit_log
from server.ops.metrics import Metrics

COOKIE = "latentwalk"
PUBLIC = re.compile(r"/|/healthz|/readyz|/sign-in|/static/.*")  # pages without personal data
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self' ws://{host} wss://{host}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
OWN_VALUE = re.compile(r"[A-Za-z0-9._-]{1,512}")  # a session cookie's
HOST = re.compile(r"[a-z0-9.:\[\]-]*", re.IGNORECASE)  # host names that are safe to insert into the policy
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
UNAUTHENTICATED = HostRefusal(
    401, "unauthorized", "This server requires a token.", "Open the sign-in link from its operator.", "token"
)
REMOTE_PEER = HostRefusal(
    403, "forbidden", "This server answers only its own machine.", "Start it with an address and a token.", "peer"
)
TOO_LARGE = HostRefusal(413, "http_413", MESSAGES[413], "", "size")
TOO_MUCH = HostRefusal(429, "too_much", "You ask for too much at once.", "Wait a moment and try again.", "rate")


class AccessMiddleware:
    """Refuses unknown host names, other sites, people without a token and too many requests.

    Handlers find the authenticated `Person` in `scope["person"]`; it is None on public pages.
    """

    def __init__(
        self, app: ASGIApp, hosts: HostPolicy, authenticator: Authenticator, limits: RateLimits, metrics: Metrics
    ) -> None:
        self.app = app
        self._hosts, self._authenticator, self._limits, self._metrics = hosts, authenticator, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["headers"] = _with_own_cookie_only(headers)
        send = _with_security_headers(scope, headers, send)
        scope["person"] = None
        try:
            refusal = self._hosts.refusal(scope, headers)
            if refusal is None:
                scope["person"], refusal = await self._authenticate(scope, headers)
        except LatentwalkError as error:  # the tokens cannot be read, so no request can be authenticated
            refusal = HostRefusal(507, error.code, str(error), error.hint, "storage")
            await self._refuse(refusal, scope, receive, send)
            return
        if refusal is None and scope["type"] == "http" and announced(scope) > limit_of(scope["path"]):
            refusal = TOO_LARGE
        if refusal is not None:
            await self._refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            share = self._limits.of(scope["person"].id if scope["person"] else address_account(address(scope)), "bytes")
            await self.app(scope, BodyLimit(receive, limit_of(scope["path"]), share), send)

    async def _authenticate(self, scope: Scope, headers: Headers) -> tuple[Person | None, HostRefusal | None]:
        person = self._authenticator.person(session_cookie(headers), address(scope))
        bearer = re.fullmatch(r"bearer +(\S+)", headers.get("authorization", ""), re.IGNORECASE)
        if self._authenticator.open:
            if not is_near_peer(scope):
                return None, REMOTE_PEER
            person = person or _local_person(scope)
        elif person is None and bearer:
            # A token that was valid before is recognised before the limit: guesses from an address, which may be that
            # of a proxy or of a whole institute, must not lock out the people there.
            person = self._authenticator.verified(bearer[1])
            if person is None:
                guesses = self._limits.of(address(scope), "guesses")
                if wait := guesses.ask():
                    return None, replace(TOO_MUCH, retry=math.ceil(wait))
                person = await self._authenticator.bearer(bearer[1])
                guesses.take(-1 if person else 0)  # a valid token is no guess
        if person is None:
            return None, None if scope["type"] == "http" and PUBLIC.fullmatch(scope["path"]) else UNAUTHENTICATED
        if scope["type"] == "http" and (wait := self._limits.of(person.id, "requests").ask()):
            return person, replace(TOO_MUCH, retry=math.ceil(wait))
        return person, None

    async def _refuse(self, refusal: HostRefusal, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.refusals.labels(refusal.reason).inc()
        if not self._limits.of(address(scope), "lines").ask():  # many refusals must not fill the disk with log lines
            method = scope.get("method", "WEBSOCKET")
            audit_log.note("refused", reason=refusal.reason, method=method, path=scope["path"], address=address(scope))
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.message})
            return
        headers = {"retry-after": str(refusal.retry)} if refusal.retry is not None else {}
        if refusal is TOO_LARGE:
            await discard(receive)
            headers |= HANG_UP
        elif refusal is UNAUTHENTICATED:
            headers["www-authenticate"] = "Bearer"
        await shaped(refusal.status, refusal.view(), headers)(scope, receive, send)


def _with_security_headers(scope: Scope, headers: Headers, send: Send) -> Send:
    host = headers.get("host", "")
    policy = POLICY.format(host=host if HOST.fullmatch(host) else "localhost")

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            response = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                response.setdefault(name, value)
            response.setdefault("content-security-policy", policy)
            if scope["path"].startswith("/api/"):
                response.setdefault("cache-control", "private, no-cache")
        await send(message)

    return send_with_headers


def is_near_peer(scope: Scope) -> bool:
    """Whether a connection comes from this machine, or not over a network at all."""
    peer = address(scope)
    return not re.search("[.:]", peer) or is_loopback(peer)


def address(scope: Scope) -> str:
    """The IP address of the client, "" when the connection does not come over a network."""
    return str(scope["client"][0]) if scope.get("client") else ""


def cookie_name(host: str) -> str:
    """The name of the session cookie, with the port: browsers send cookies to every port of a host."""
    _, _, port = host.rpartition(":")
    return f"{COOKIE}-{port}" if port.isdigit() else COOKIE


def session_cookie(headers: Headers) -> str:
    """The value of this server's session cookie, "" without one."""
    return cookie_value(headers.get("cookie", ""), cookie_name(headers.get("host", "")))


def _with_own_cookie_only(headers: Headers) -> list[tuple[bytes, bytes]]:
    # FastAPI parses all cookies of every request, in quadratic time on some Pythons; see `cookie_value`.
    others = [(name, value) for name, value in headers.raw if name != b"cookie"]
    value = session_cookie(headers)
    if not value or not OWN_VALUE.fullmatch(value):
        return others
    return [*others, (b"cookie", f"{cookie_name(headers.get('host', ''))}={value}".encode())]


def _local_person(scope: Scope) -> Person:
    # Sockets without a cookie are programs, and each counts as a person of its own.
    account = address_account(address(scope))
    is_program = scope["type"] == "websocket" and scope["client"]
    return Person(person_id(account, f"port-{scope['client'][1]}") if is_program else account, Role.ADMIN)
