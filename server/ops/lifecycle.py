"""The state of a running server: starting, ready, or draining before it stops."""

from __future__ import annotations

import asyncio


class Lifecycle:
    """Set by the application, read by the API. Use on one event loop."""

    def __init__(self) -> None:
        self._warm = False
        self._draining = asyncio.Event()

    def warmed(self) -> None:
        """Record that the first generator is loaded, or cannot be loaded."""
        self._warm = True

    def drain(self) -> None:
        """Begin to drain: accept no new connections or jobs."""
        self._draining.set()

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return self._draining.is_set()

    async def drained(self) -> None:
        """Wait until the server begins to drain."""
        await self._draining.wait()

    @property
    def state(self) -> str:
        """One of starting, ready and draining; a load balancer should send people only to a ready server."""
        return "draining" if self.draining else "ready" if self._warm else "starting"
