"""Serves the application under a URL prefix, whether the reverse proxy removes the prefix or passes it on."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class RootPathMiddleware:
    """Removes `root_path`, such as "/lw", from the paths of requests that still have it.

    The routes, the access rules and the limits so see the same paths under every prefix. The page's own addresses are
    relative, so the prefix itself is redirected to the page with a slash at its end.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self._root_path, self._raw = root_path, root_path.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or handshake; see the class."""
        if scope["type"] in ("http", "websocket"):
            path: str = scope["path"]
            if path == self._root_path and scope["type"] == "http":
                await RedirectResponse(f"{self._root_path}/", 307)(scope, receive, send)
                return
            if path.startswith(f"{self._root_path}/"):
                raw = scope.get("raw_path") or b""
                scope = {**scope, "path": path.removeprefix(self._root_path), "raw_path": raw.removeprefix(self._raw)}
        await self.app(scope, receive, send)
