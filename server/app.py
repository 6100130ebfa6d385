"""The application: the one place that builds, connects and closes everything long-lived."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from latentwalk.errors import LatentwalkError
from latentwalk.rendering.device import pick_device, tune_threads
from models import atomic_files
from server.api import error_responses, live_socket
from server.api.dependencies import Services
from server.api.gauges import add_gauges
from server.api.middleware.access import AccessMiddleware
from server.api.middleware.framing import FramingMiddleware
from server.api.middleware.host_origin import HostPolicy
from server.api.middleware.request_log import RequestLogMiddleware
from server.api.middleware.root_path import RootPathMiddleware
from server.api.routes import (
    directions,
    files,
    generators,
    health,
    imports,
    jobs,
    pages,
    provenance,
    regressors,
    shared,
    sign_in,
)
from server.api.routes.films import exports, walks
from server.api.routes.pictures import grids, stills
from server.api.server_runner import ServerRunner, configuration
from server.auth import authenticator as authenticators
from server.auth.authenticator import Authenticator
from server.auth.rate_limits import RateLimits
from server.engine.backend import Backend, EmbeddedBackend
from server.engine.cluster.ray_engine import RayEngine
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread
from server.engine.renderer import Renderer
from server.jobs.runner import JobRunner
from server.ops.metrics import Metrics
from server.services.directions.external_directions import ExternalDirections
from server.services.films.jobs import FilmJobs
from server.services.films.previews import WalkPreviews
from server.services.generators.import_quarantine import ImportQuarantine
from server.services.generators.jobs import GeneratorJobs
from server.services.learning_jobs import LearningJobs
from server.services.learning_tasks import LearningTasks
from server.services.regressors.scoring import RegressorTrials
from server.services.stills import Stills
from server.services.workspace import Workspace
from server.settings import Settings
from server.storage.db.bookmarks import SharedStates
from server.storage.film_archive import FilmArchive

ROOT = Path(__file__).parent.parent
ROUTERS = (
    pages, sign_in, health, files, generators, imports, stills, grids, directions, regressors, jobs, exports,
    walks, provenance, shared, live_socket,
)  # fmt: skip


def version() -> str:
    """The installed version, "0+unknown" for a checkout that is not installed."""
    try:
        return importlib.metadata.version("latentwalk")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, by default those of the environment."""
    settings = Settings.read() if settings is None else settings
    authenticator, limits, metrics = authenticators.build(settings), RateLimits(), Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.services = await open_services(stack, settings, authenticator, limits, metrics)
            yield

    app = FastAPI(
        title="Latentwalk",
        version=version(),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads scripts from other sites, which the content security policy forbids
        redoc_url=None,
        responses=error_responses.RESPONSES,
    )
    error_responses.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    app.mount("/static", GZipMiddleware(pages.RevalidatedFiles(directory=ROOT / "static")), name="static")
    hosts = HostPolicy((settings.host, *settings.allowed_hosts))
    app.add_middleware(AccessMiddleware, hosts=hosts, authenticator=authenticator, limits=limits, metrics=metrics)
    if settings.frame_ancestors:
        app.add_middleware(FramingMiddleware, ancestors=settings.frame_ancestors)
    app.add_middleware(RequestLogMiddleware, metrics=metrics)  # outside the others: it records refusals too
    if settings.root_path:
        app.add_middleware(RootPathMiddleware, root_path=settings.root_path)
    return app


async def open_services(
    stack: AsyncExitStack, settings: Settings, authenticator: Authenticator, limits: RateLimits, metrics: Metrics
) -> Services:
    """Everything that lives as long as the application. `stack` closes it in the reverse order."""
    tune_threads()
    device = pick_device(settings.device)
    atomic_files.remove_stale(settings.home)
    workspace = Workspace.open(settings, version())
    library = workspace.library
    stack.callback(workspace.database.shut)
    inference_thread = InferenceThread()
    stack.callback(inference_thread.close)
    generator_cache = GeneratorCache(library, inference_thread, device, settings.generators_kept)
    stack.push_async_callback(generator_cache.close)
    backend: Backend
    if settings.ray:
        engine = RayEngine(settings, LearningTasks)
        backend = await engine.open()
        stack.push_async_callback(engine.close)
    else:
        renderer = Renderer(inference_thread, max_batch=settings.max_batch)
        learning_tasks = LearningTasks(library, workspace.regressors, generator_cache, inference_thread)
        backend = EmbeddedBackend(generator_cache, inference_thread, renderer, learning_tasks)
    stack.push_async_callback(backend.close)
    job_runner = JobRunner(settings.home, workspace.database, capacity={"device": backend.learners})
    stack.push_async_callback(job_runner.close)
    library.learned.import_files()
    job_runner.load()
    film_archive = FilmArchive(settings.home / "exports")
    film_archive.sweep({request["export"] for request in job_runner.table.requests("export")})
    quarantine = ImportQuarantine(library, settings.unlocked)
    quarantine.sweep()
    services = Services(
        settings=settings,
        library=library,
        regressors=workspace.regressors,
        generator_cache=generator_cache,
        backend=backend,
        jobs=job_runner,
        film_archive=film_archive,
        learning_jobs=LearningJobs(job_runner, backend, workspace.regressors),
        generator_jobs=GeneratorJobs(job_runner, library, generator_cache, inference_thread),
        film_jobs=FilmJobs(
            job_runner, library, generator_cache, inference_thread, backend, film_archive, workspace.signer,
            workspace.audio_files,
        ),
        walk_previews=WalkPreviews(library, generator_cache, inference_thread, backend),
        regressor_trials=RegressorTrials(workspace.regressors, generator_cache, inference_thread),
        external_directions=ExternalDirections(library, generator_cache, inference_thread, unlocked=settings.unlocked),
        stills=Stills(generator_cache, backend, workspace.signer),
        signer=workspace.signer,
        audio_files=workspace.audio_files,
        quarantine=quarantine,
        shared_states=SharedStates(workspace.database),
        version=version(),
        root=ROOT,
        authenticator=authenticator,
        rate_limits=limits,
        metrics=metrics,
    )  # fmt: skip
    add_gauges(services, inference_thread)
    for coroutine in (load_first_generator(services), job_runner.watch()):
        stack.callback(asyncio.create_task(coroutine).cancel)
    return services


async def load_first_generator(services: Services) -> None:
    """Load the generator that the page opens with, while the browser is still loading the page."""
    library = services.library
    name = next((name for name in library.entries() if library.is_installed(name)), None)
    if name is not None:
        with contextlib.suppress(LatentwalkError):  # the first request for it reports the error
            await services.backend.load(name)
    services.lifecycle.warmed()


def serve(settings: Settings, **options: Any) -> None:
    """Run the server until a signal stops it; `options` go to uvicorn."""
    ServerRunner(configuration(create_app(settings), settings, **options)).run()
