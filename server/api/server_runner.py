"""The running server: what it says when it begins, and how it lets go of people when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from typing import cast

import uvicorn
from fastapi import FastAPI

from server.api.dependencies import Services
from server.ops import audit_log

PACE = 0.05
NOTHING_LEFT = 0.2  # seconds for the close of the last socket to leave


class ServerRunner(uvicorn.Server):
    """uvicorn's server with a link for people to open and a drain before its end.

    Told to stop, it says so at /readyz and takes no new sockets or jobs, but goes on until every tab has the frame of
    its last edit, at most `settings.drain` seconds. A second signal ends that at once.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settings, gate = self._services.settings, self._services.authenticator
        port = self.servers[0].sockets[0].getsockname()[1]
        audit_log.note("started", host=settings.host, port=port, token=not gate.open)
        if not logging.getLogger(audit_log.LOGGER).isEnabledFor(logging.INFO):
            return  # nobody is to read this
        if gate.link:
            for address in addresses(settings.host):
                print(f"Open http://{address}:{port}/?token={gate.link}", file=sys.stderr, flush=True)
        elif not gate.open:
            print("Come in with a link that ends in /?token= and a token you were given.", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        house = self._services
        house.lifecycle.drain()
        loop = asyncio.get_running_loop()
        until = loop.time() + house.settings.drain
        people = len(house.live_sockets)
        while house.live_sockets and loop.time() < until and not self.force_exit:
            await asyncio.sleep(PACE)
        audit_log.note("stopping", people=people, left=len(house.live_sockets))
        await asyncio.sleep(NOTHING_LEFT if people else 0)
        await super().shutdown(sockets)

    @property
    def _services(self) -> Services:
        services: Services = cast(FastAPI, self.config.app).state.services
        return services


def addresses(host: str) -> list[str]:
    """Where people find a server that listens on `host`: itself, or for every address this machine's own ones."""
    if host not in ("0.0.0.0", "::"):
        return [f"[{host}]" if ":" in host else host]
    found = ["127.0.0.1"]
    with contextlib.suppress(OSError):
        found += [str(row[4][0]) for row in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return list(dict.fromkeys(found))
