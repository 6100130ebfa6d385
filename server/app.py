"""The application: everything that lives long is built, joined and closed here, and nothing else happens here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from server import files
from server.api import directions, errors, generators, live, pages
from server.api.deps import Services
from server.api.guard import Guard
from server.inference import Lane, pick_device, tune
from server.library import Library
from server.renderer import Renderer
from server.settings import Settings
from server.shelf import Shelf

ROOT = Path(__file__).parent.parent
LARGEST_REQUEST = 256 * 2**10


def version() -> str:
    """The installed version; that of a bare checkout is unknown."""
    try:
        return importlib.metadata.version("latentwalk")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, or for those of the environment."""
    chosen = Settings.read() if settings is None else settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tune()
        device = pick_device(chosen.device)
        files.sweep(chosen.home)
        library = Library(chosen.home)
        lane = Lane()
        shelf = Shelf(library, lane, device, chosen.generators_kept)
        renderer = Renderer(lane, max_batch=chosen.max_batch)
        app.state.services = Services(chosen, library, shelf, renderer, app.version, ROOT)
        try:
            yield
        finally:
            renderer.close()
            await shelf.close()
            lane.close()

    app = FastAPI(title="Latentwalk", version=version(), lifespan=lifespan, max_body_size=LARGEST_REQUEST, docs_url=None, redoc_url=None)
    errors.install(app)
    for part in (pages, generators, directions, live):
        app.include_router(part.router)
    app.mount("/static", pages.FreshFiles(directory=ROOT / "static"), name="static")
    app.add_middleware(Guard, hosts=(chosen.host, *chosen.allowed_hosts))
    return app


