"""Lets pages of chosen origins, such as a notebook's, show the page in a frame; without it, no page can."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DENIED = "frame-ancestors 'none'"


class FramingMiddleware:
    """Replaces the headers that forbid framing with the permission of `ancestors`, sources of a CSP directive."""

    def __init__(self, app: ASGIApp, ancestors: Sequence[str]) -> None:
        self.app = app
        self._allowed = f"frame-ancestors 'self' {' '.join(ancestors)}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; see the class."""

        async def send_with_permission(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = headers.get("content-security-policy", DENIED).replace(
                    DENIED, self._allowed
                )
                del headers["x-frame-options"]  # it cannot name origins
            await send(message)

        await self.app(scope, receive, send_with_permission if scope["type"] == "http" else send)
