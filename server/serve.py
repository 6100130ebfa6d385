"""How the application is served: uvicorn with the settings that a live socket needs."""

from __future__ import annotations

from typing import Any

import uvicorn

from server.app import create_app
from server.settings import Settings

LARGEST_MESSAGE = 64 * 2**10


def configuration(settings: Settings, **more: Any) -> uvicorn.Config:
    """uvicorn's configuration for these settings."""
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # pictures are compressed already; deflating them again costs 1.6 ms each
        ws_max_size=LARGEST_MESSAGE,
        timeout_graceful_shutdown=3,  # event streams and sockets never end by themselves
        **{"log_level": "info", "access_log": False, **more},
    )


def serve(settings: Settings, **more: Any) -> None:
    """Serve until told to stop."""
    uvicorn.Server(configuration(settings, **more)).run()
