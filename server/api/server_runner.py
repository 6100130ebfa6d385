"""Runs the server: prints the sign-in link at start-up and drains live connections at shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from server.api.dependencies import Services
from server.api.http_protocol import StrictTextProtocol, TimeoutHttpProtocol
from server.api.live_messages import LARGEST_MESSAGE
from server.ops import audit_log
from server.settings import Settings

POLL_INTERVAL = 0.05  # seconds
CLOSE_GRACE = 0.2  # seconds for the close frame of the last socket to be sent
# Connections: a browser opens six beside its socket. Above the limit the response is 503 at once.
BASE_CONNECTIONS, CONNECTIONS_PER_PERSON = 128, 8


class ServerRunner(uvicorn.Server):
    """uvicorn's server with a sign-in link and a drain period.

    On a signal to stop, /readyz answers 503 and new sockets and jobs are refused, but the server continues until every
    tab has the frame of its last edit, for at most `settings.drain` seconds. A second signal stops it at once.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and print how to sign in."""
        await super().startup(sockets)
        settings, authenticator = self._services.settings, self._services.authenticator
        port = self.servers[0].sockets[0].getsockname()[1]
        audit_log.note("started", host=settings.host, port=port, token=not authenticator.open)
        if not logging.getLogger(audit_log.LOGGER).isEnabledFor(logging.INFO):
            return
        if authenticator.link:
            for address in addresses(settings.host):
                page = f"http://{address}:{port}{settings.root_path}/"
                print(f"Open {page}?token={authenticator.link}", file=sys.stderr, flush=True)
        elif not authenticator.open:
            print("Open a link that ends in /?token= and a token that you were given.", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then stop."""
        services = self._services
        services.lifecycle.drain()
        loop = asyncio.get_running_loop()
        until = loop.time() + services.settings.drain
        people = len(services.live_sockets)
        while services.live_sockets and loop.time() < until and not self.force_exit:
            await asyncio.sleep(POLL_INTERVAL)
        audit_log.note("stopping", people=people, left=len(services.live_sockets))
        await asyncio.sleep(CLOSE_GRACE if people else 0)
        await super().shutdown(sockets)

    @property
    def _services(self) -> Services:
        services: Services = cast(FastAPI, self.config.app).state.services
        return services


def configuration(app: FastAPI, settings: Settings, *, log_level: str = "INFO", **options: Any) -> uvicorn.Config:
    """uvicorn's configuration for these settings; `options` override it."""
    return uvicorn.Config(
        app,
        http=TimeoutHttpProtocol,
        limit_concurrency=BASE_CONNECTIONS + CONNECTIONS_PER_PERSON * settings.people,
        host=settings.host,
        port=settings.port,
        ws=StrictTextProtocol,
        ws_per_message_deflate=False,  # pictures are compressed already; deflating them again costs 1.6 ms each
        ws_max_size=LARGEST_MESSAGE,
        # X-Forwarded-For can be sent by anybody: it counts only from proxies that the operator names.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=3,  # event streams and sockets never end by themselves
        **{"log_config": audit_log.logging_settings(settings.log_json, log_level), "access_log": False, **options},
    )


def addresses(host: str) -> list[str]:
    """The addresses of a server that listens on `host`: this one, or for a wildcard those of the machine."""
    if host not in ("0.0.0.0", "::"):
        return [f"[{host}]" if ":" in host else host]
    own = ["127.0.0.1"]
    with contextlib.suppress(OSError):
        own += [str(row[4][0]) for row in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return list(dict.fromkeys(own))
