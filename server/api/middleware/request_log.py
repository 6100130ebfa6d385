"""Records every request: its duration and status in the metrics, and every change in the audit log."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.middleware.access import address
from server.ops import audit_log
from server.ops.metrics import Metrics

FIRST_ERROR = 400  # the lowest status of an error
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class RequestLogMiddleware:
    """Counts and times requests, writes audit lines, and refunds the rate limit of requests that failed."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; sockets pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 500

        async def timed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._metrics.answering.labels(_route(scope)).observe(time.perf_counter() - begin)
            await send(message)

        try:
            await self.app(scope, receive, timed_send)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(method, _route(scope), status).inc()
            if "share" in scope and status >= FIRST_ERROR:
                scope["share"].take(-1)
            if event := scope.get("audit"):
                _write_audit_line(event, scope, status)


def _route(scope: Scope) -> str:
    # The route's pattern: there would be a metric for each of arbitrarily many paths.
    return getattr(scope.get("route"), "path", "other")


def _write_audit_line(event: str, scope: Scope, status: int) -> None:
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
