"""`latentwalk serve`: run the server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from server.cli.options import device

if TYPE_CHECKING:
    from server.settings import Settings


@click.command()
@click.option("--host", metavar="H", help="Address to listen on; 127.0.0.1 unless set.")
@click.option("--port", type=int, metavar="P", help="Port to listen on; 8000 unless set, 0 picks a free one.")
@device
def serve(**options: Any) -> None:
    """Serve the page."""
    from server import app
    from server.cli import home

    settings = home.settings(**options)
    check_address(settings)
    check_database(settings)
    with contextlib.suppress(KeyboardInterrupt):  # the usual way to stop it
        app.serve(settings)


def check_address(settings: Settings) -> None:
    """Raise Conflict where the address cannot be listened on; uvicorn would only log that."""
    import socket

    from latentwalk.errors import Conflict, os_reason

    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Conflict(f"Cannot listen on {host}:{port}: {os_reason(error)}.", "Try another --port.") from None


def check_database(settings: Settings) -> None:
    """Raise an error where the database cannot be opened, or was written by a newer version."""
    from server.storage.db.database import Database

    database = Database.at(settings.home, settings.database)
    with database.writing():
        pass
    database.close()
