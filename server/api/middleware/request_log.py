"""The watch: what was answered how soon, for the metrics; who changed what, for the audit log; what that used up."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.middleware.access import address
from server.ops import audit_log
from server.ops.metrics import Metrics

FAILED = 400
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class RequestLogMiddleware:
    """Sees every request on its way in and every answer on its way out, and changes neither."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._metrics.answering.labels(_route(scope)).observe(time.perf_counter() - begin)
            await send(message)

        try:
            await self.app(scope, receive, seen)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(method, _route(scope), status).inc()
            if "share" in scope and status >= FAILED:
                scope["share"].take(-1)
            if event := scope.get("audit"):
                _note(event, scope, status)


def _route(scope: Scope) -> str:
    # The pattern and not the path, of which there is no end.
    return getattr(scope.get("route"), "path", "other")


def _note(event: str, scope: Scope, status: int) -> None:
    who = scope["person"]
    audit_log.note(
        event,
        person=who.id,
        role=str(who.role),
        token=who.by,
        method=scope["method"],
        path=scope["path"],
        status=status,
        address=address(scope),
    )
