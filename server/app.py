"""The application: everything that lives long is built, joined and closed here, and nothing else happens here."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from server import arrivals, files
from server.api import directions, errors, exports, generators, jobs, live, pages, provenance, regressors, shared, walks
from server.api.deps import Services
from server.api.guard import Guard
from server.cinema import Cinema
from server.errors import AppError
from server.exports import Exports
from server.inference import Lane, pick_device, tune
from server.jobs import Jobs
from server.library import Library
from server.provenance.press import Press
from server.regressors import Regressors
from server.renderer import Renderer
from server.settings import Settings
from server.shelf import Shelf
from server.sounds import Sounds
from server.store.database import Database
from server.store.shared import Shared
from server.studio import Studio

ROOT = Path(__file__).parent.parent


def version() -> str:
    """The installed version; that of a bare checkout is unknown."""
    try:
        return importlib.metadata.version("latentwalk")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


async def warm(shelf: Shelf, library: Library) -> None:
    """Load the first generator while the browser is still opening the page."""
    name = next((name for name in library.entries() if library.is_installed(name)), None)
    if name is not None:
        with contextlib.suppress(AppError):  # whoever asks for it hears why
            await shelf.get(name)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, or for those of the environment."""
    chosen = Settings.read() if settings is None else settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tune()
        device = pick_device(chosen.device)
        files.sweep(chosen.home)
        database = Database.at(chosen.home, chosen.database)
        library = Library(chosen.home, first=chosen.first, database=database)
        lane = Lane()
        shelf = Shelf(library, lane, device, chosen.generators_kept)
        renderer = Renderer(lane, max_batch=chosen.max_batch)
        films = Exports(chosen.home / "exports")
        work = Jobs(chosen.home, database)
        arrivals.take_in(chosen.home, library.learned, work.list)
        work.load()
        films.sweep({request["export"] for request in work.list.requests("export")})
        judges = Regressors(chosen.home, chosen.unlocked)
        studio = Studio(library, judges, shelf, lane, work)
        press = Press(chosen, app.version)
        sounds = Sounds(chosen.home / "sounds")
        cinema = Cinema(library, shelf, lane, work, films, press, sounds)
        app.state.services = Services(
            chosen, library, judges, shelf, renderer, work, films, studio, cinema, press, sounds,
            Shared(database), app.version, ROOT,
        )  # fmt: skip
        first = asyncio.create_task(warm(shelf, library), name="warm")
        watch = asyncio.create_task(work.watch(), name="jobs")
        try:
            yield
        finally:
            first.cancel()
            watch.cancel()
            await work.close()
            renderer.close()
            await shelf.close()
            lane.close()
            database.close()

    app = FastAPI(
        title="Latentwalk",
        version=version(),
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere, which the policy forbids
        redoc_url=None,
    )
    errors.install(app)
    for part in (pages, generators, directions, regressors, jobs, exports, walks, provenance, shared, live):
        app.include_router(part.router)
    app.mount("/static", pages.FreshFiles(directory=ROOT / "static"), name="static")
    app.add_middleware(Guard, hosts=(chosen.host, *chosen.allowed_hosts))
    return app


def configuration(settings: Settings, **more: Any) -> uvicorn.Config:
    """uvicorn's configuration for these settings, with what a live socket needs."""
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # pictures are compressed already; deflating them again costs 1.6 ms each
        ws_max_size=live.LARGEST_MESSAGE,
        timeout_graceful_shutdown=3,  # event streams and sockets never end by themselves
        **{"log_level": "info", "access_log": False, **more},
    )


def serve(settings: Settings, **more: Any) -> None:
    """Serve until told to stop; `more` goes to uvicorn."""
    uvicorn.Server(configuration(settings, **more)).run()
