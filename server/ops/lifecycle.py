"""Where a server stands in its life: not yet ready, ready, or finishing what is in hand before it stops."""

from __future__ import annotations

import asyncio


class Lifecycle:
    """Told by the application, asked by everybody. Use on one event loop."""

    def __init__(self) -> None:
        self._warm = False
        self._draining = asyncio.Event()

    def warmed(self) -> None:
        """What the first person needs is loaded, or cannot be."""
        self._warm = True

    def drain(self) -> None:
        """Take nothing new from now on."""
        self._draining.set()

    @property
    def draining(self) -> bool:
        return self._draining.is_set()

    async def drained(self) -> None:
        """Wait until draining begins."""
        await self._draining.wait()

    @property
    def state(self) -> str:
        """starting, ready or draining; only a ready server should be sent people."""
        return "draining" if self.draining else "ready" if self._warm else "starting"
