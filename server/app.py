"""The application: everything that lives long is built, joined and closed here, and nothing else happens here."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from uvicorn import Config

from latentwalk.errors import LatentwalkError
from latentwalk.provenance.signing import FileSigner
from latentwalk.rendering.device import pick_device, tune_threads
from models import atomic_files
from server.api import error_responses, live_socket
from server.api.dependencies import Services
from server.api.http_protocol import TimeoutHttpProtocol
from server.api.middleware.access import AccessMiddleware
from server.api.middleware.host_origin import HostPolicy
from server.api.middleware.request_log import RequestLogMiddleware
from server.api.routes import (
    directions,
    exports,
    generators,
    health,
    imports,
    jobs,
    pages,
    provenance,
    regressors,
    shared,
    sign_in,
    walks,
)
from server.api.server_runner import ServerRunner
from server.auth import authenticator as gates
from server.auth.rate_limits import RateLimits
from server.engine.backend import Backend, EmbeddedBackend
from server.engine.cluster.ray_engine import RayEngine
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.engine.renderer import Renderer
from server.jobs.job import State
from server.jobs.runner import JobRunner
from server.ops.audit_log import logging_settings
from server.ops.lifecycle import Lifecycle
from server.ops.metrics import Metrics
from server.services.cinema import Cinema
from server.services.import_quarantine import ImportQuarantine
from server.services.learning import LearningTasks
from server.services.studio import Studio
from server.settings import Settings
from server.storage.audio_files import AudioFiles
from server.storage.db.bookmarks import SharedStates
from server.storage.db.database import Database
from server.storage.film_archive import FilmArchive
from server.storage.library import Library
from server.storage.regressors import Regressors

ROOT = Path(__file__).parent.parent
ROOM, PER_PERSON = 128, 8  # connections: a browser opens six beside its socket; above that the answer is 503 at once


def version() -> str:
    """The installed version; that of a bare checkout is unknown."""
    try:
        return importlib.metadata.version("latentwalk")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


async def warm(backend: Backend, library: Library, life: Lifecycle) -> None:
    """Load the first generator while the browser is still opening the page."""
    name = next((name for name in library.entries() if library.is_installed(name)), None)
    if name is not None:
        with contextlib.suppress(LatentwalkError):  # whoever asks for it hears why
            await backend.load(name)
    life.warmed()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, or for those of the environment."""
    chosen = Settings.read() if settings is None else settings
    gate, limits, metrics = gates.build(chosen), RateLimits(), Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tune_threads()
        device = pick_device(chosen.device)
        atomic_files.remove_stale(chosen.home)
        database = Database.at(chosen.home, chosen.database)
        library = Library(chosen.home, first=chosen.first, database=database)
        lane = InferenceThread()
        shelf = GeneratorCache(library, lane, device, chosen.generators_kept)
        films = FilmArchive(chosen.home / "exports")
        judges = Regressors(chosen.home, chosen.unlocked)
        engine = RayEngine(chosen) if chosen.ray else None
        if engine is None:
            renderer, workshop = Renderer(lane, max_batch=chosen.max_batch), LearningTasks(library, judges, shelf, lane)
            backend: Backend = EmbeddedBackend(shelf, lane, renderer, workshop)
        else:
            backend = await engine.open()
        work = JobRunner(chosen.home, database, room={"device": backend.learners})
        library.learned.import_files()
        work.load()
        films.sweep({request["export"] for request in work.list.requests("export")})
        studio = Studio(library, judges, shelf, lane, work, backend)
        press = FileSigner(chosen, app.version)
        sounds = AudioFiles(chosen.home / "sounds")
        quarantine = ImportQuarantine(library, chosen.unlocked)
        quarantine.sweep()
        cinema = Cinema(library, shelf, lane, work, films, press, sounds, backend)
        house = Services(
            chosen, library, judges, shelf, backend, work, films, studio, cinema, press, sounds, quarantine,
            SharedStates(database), app.version, ROOT, authenticator=gate, rate_limits=limits, metrics=metrics,
        )  # fmt: skip
        app.state.services = house
        observe(house, lane)
        first = asyncio.create_task(warm(backend, library, house.lifecycle), name="warm")
        watch = asyncio.create_task(work.watch(), name="jobs")
        try:
            yield
        finally:
            first.cancel()
            watch.cancel()
            await work.close()
            await backend.close()
            if engine is not None:
                await engine.close()
            await shelf.close()
            lane.close()
            database.close()

    app = FastAPI(
        title="Latentwalk",
        version=version(),
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere, which the policy forbids
        redoc_url=None,
        responses=error_responses.RESPONSES,
    )
    error_responses.install(app)
    for part in (
        pages, sign_in, health, generators, imports, directions, regressors, jobs, exports, walks, provenance, shared,
        live_socket,
    ):  # fmt: skip
        app.include_router(part.router)
    app.mount("/static", pages.RevalidatedFiles(directory=ROOT / "static"), name="static")
    hosts = HostPolicy((chosen.host, *chosen.allowed_hosts))
    app.add_middleware(AccessMiddleware, hosts=hosts, authenticator=gate, limits=limits, metrics=metrics)
    app.add_middleware(
        RequestLogMiddleware, metrics=metrics
    )  # the last one added is outermost: it sees what the guard refuses
    return app


def observe(house: Services, lane: InferenceThread) -> None:
    """Show Prometheus what is counted nowhere because it can be looked up."""
    metrics = house.metrics
    metrics.gauge("live_tabs", "Live sockets that are open.", lambda: len(house.live_sockets))
    metrics.gauge("tasks", "Tasks on the event loop.", lambda: len(asyncio.all_tasks()))
    metrics.gauge("pictures_waiting", "Previews and stills that wait.", house.backend.waiting)
    metrics.gauge("workers", "Devices that draw.", house.backend.workers)
    metrics.gauge("ready", "1 where people should be sent here.", lambda: house.lifecycle.state == "ready")
    waiting = {priority.name.lower(): partial(lambda one: lane.waiting()[one], priority) for priority in Priority}
    metrics.gauges("lane_waiting", "Pieces of work that wait for the device.", "kind", waiting)
    in_state = {str(state): partial(_jobs_in, house.jobs, state) for state in State}
    metrics.gauges("jobs", "Jobs that are remembered.", "state", in_state)


def _jobs_in(jobs: JobRunner, state: State) -> int:
    return sum(job.state is state for job in jobs.all())


def configuration(settings: Settings, *, log_level: str = "INFO", **more: Any) -> Config:
    """uvicorn's configuration for these settings, with what a live socket needs."""
    return Config(
        create_app(settings),
        http=TimeoutHttpProtocol,
        limit_concurrency=ROOM + PER_PERSON * settings.people,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # pictures are compressed already; deflating them again costs 1.6 ms each
        ws_max_size=live_socket.LARGEST_MESSAGE,
        timeout_graceful_shutdown=3,  # event streams and sockets never end by themselves
        **{"log_config": logging_settings(settings.log_json, log_level), "access_log": False, **more},
    )


def serve(settings: Settings, **more: Any) -> None:
    """Serve until told to stop; `more` goes to uvicorn."""
    ServerRunner(configuration(settings, **more)).run()
