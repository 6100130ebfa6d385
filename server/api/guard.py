"""The door: who may talk to us, how much of it is read, and what browsers may do with our pages."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.errors import WORDS, shaped
from server.directions import LARGEST_FILE
from server.films.embedded import LARGEST_FILE as LARGEST_DROPPED
from server.foreign import LARGEST_VECTORS
from server.inversion import LARGEST_FILE as LARGEST_PICTURE
from server.quarantine import LARGEST as LARGEST_CHECKPOINT
from server.regressors import LARGEST_UPLOAD
from server.sounds import LARGEST as LARGEST_SOUND

LOCAL = ("localhost", "127.0.0.1", "[::1]")
WILDCARDS = ("0.0.0.0", "[::]")
SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
LARGEST = 256 * 2**10  # bytes of a request, but for the addresses below
LARGER = (
    (re.compile(r"/api/directions/upload"), LARGEST_FILE),
    (re.compile(r"/api/directions/foreign"), LARGEST_VECTORS),
    (re.compile(r"/api/imports"), LARGEST_CHECKPOINT),
    (re.compile(r"/api/regressors"), LARGEST_UPLOAD),
    (re.compile(r"/api/generators/[^/]+/invert"), LARGEST_PICTURE),
    (re.compile(r"/api/walks/audio"), LARGEST_SOUND),
    (re.compile(r"/api/walks/restore|/api/provenance/check"), LARGEST_DROPPED),
)
PATIENCE = 64 * 2**20  # bytes of a too large request that are read and thrown away, so that its sender hears why
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Guard:
    """Refuses foreign hosts (DNS rebinding) and foreign origins (sockets and writes); adds the security headers.

    A missing Origin is let through: browsers always send it with a socket or a write, so its absence means a
    program, which could write any header it likes.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = {name.lower() for name in (*LOCAL, *(_bracketed(name) for name in hosts))}
        self.anywhere = not self.hosts.isdisjoint(WILDCARDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        limit = next((size for path, size in LARGER if path.fullmatch(scope["path"])), LARGEST)
        seen = 0

        async def measured() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b"")) if message["type"] == "http.request" else 0
            if seen > limit:
                raise HTTPException(413)
            return message

        if scope["type"] == "http" and _announced(scope) > limit:
            await _drain(receive)
            await shaped(413, {"code": "http_413", "message": WORDS[413], "hint": ""})(scope, receive, dressed)
        elif refusal is None:
            await self.app(scope, measured, dressed)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal["message"]})
        else:
            await shaped(403, refusal)(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> dict[str, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        name = _without_port(host)
        # Rebinding needs a name; whoever listens on every address is reached under addresses that it does not know.
        if name not in self.hosts and not (self.anywhere and _is_address(name)):
            return {
                "code": "forbidden",
                "message": "This server is not known under that name.",
                "hint": "Use localhost, or add the name to LATENTWALK_ALLOWED_HOSTS.",
            }
        origin = headers.get("origin")
        writes = scope["type"] == "websocket" or scope["method"] not in SAFE
        if writes and origin is not None and urlsplit(origin).netloc.lower() != host:
            return {
                "code": "forbidden",
                "message": "Another site's page may not do that.",
                "hint": "Open Latentwalk's own page.",
            }
        return None


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def _drain(receive: Receive) -> None:
    # An answer before the end of the request looks like a broken connection to most senders.
    seen, more = 0, True
    while more and seen < PATIENCE:
        message = await receive()
        seen += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
