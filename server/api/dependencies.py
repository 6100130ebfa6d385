"""The long-lived objects of the application, as request handlers receive them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from latentwalk.provenance.signing import FileSigner
from server.auth.authenticator import Authenticator
from server.auth.rate_limits import RateLimits
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache
from server.jobs.runner import JobRunner
from server.ops.lifecycle import Lifecycle
from server.ops.metrics import Metrics
from server.services.directions.external_directions import ExternalDirections
from server.services.films.jobs import FilmJobs
from server.services.films.previews import WalkPreviews
from server.services.generators.import_quarantine import ImportQuarantine
from server.services.generators.jobs import GeneratorJobs
from server.services.learning_jobs import LearningJobs
from server.services.regressors.scoring import RegressorTrials
from server.services.stills import Stills
from server.settings import Settings
from server.storage.audio_files import AudioFiles
from server.storage.db.bookmarks import SharedStates
from server.storage.film_archive import FilmArchive
from server.storage.library import Library
from server.storage.regressors import Regressors


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """Everything that lives as long as the application."""

    settings: Settings
    library: Library
    regressors: Regressors
    generator_cache: GeneratorCache
    backend: Backend
    jobs: JobRunner
    film_archive: FilmArchive
    learning_jobs: LearningJobs
    generator_jobs: GeneratorJobs
    film_jobs: FilmJobs
    walk_previews: WalkPreviews
    regressor_trials: RegressorTrials
    external_directions: ExternalDirections
    stills: Stills
    signer: FileSigner
    audio_files: AudioFiles
    quarantine: ImportQuarantine
    shared_states: SharedStates
    version: str
    root: Path
    authenticator: Authenticator
    rate_limits: RateLimits
    metrics: Metrics
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    live_sockets: set[HTTPConnection] = field(default_factory=set)  # the live sockets that are open


def services(connection: HTTPConnection) -> Services:
    """The application's services, for HTTP requests and sockets alike."""
    return cast(Services, connection.app.state.services)


ServicesDep = Annotated[Services, Depends(services)]
