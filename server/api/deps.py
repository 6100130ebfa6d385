"""What handlers are given: the long-lived objects that the application built, each under one name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from server.access.gate import Gate
from server.access.limits import Limits
from server.backend import Backend
from server.cinema import Cinema
from server.exports import Exports
from server.jobs import Jobs
from server.library import Library
from server.lifecycle import Lifecycle
from server.metrics import Metrics
from server.provenance.press import Press
from server.quarantine import Quarantine
from server.regressors import Regressors
from server.settings import Settings
from server.shelf import Shelf
from server.sounds import Sounds
from server.store.shared import Shared
from server.studio import Studio


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """Everything that lives as long as the application."""

    settings: Settings
    library: Library
    regressors: Regressors
    shelf: Shelf
    backend: Backend
    jobs: Jobs
    exports: Exports
    studio: Studio
    cinema: Cinema
    press: Press
    sounds: Sounds
    quarantine: Quarantine
    shared: Shared
    version: str
    root: Path
    gate: Gate
    limits: Limits
    metrics: Metrics
    life: Lifecycle = field(default_factory=Lifecycle)
    tabs: set[HTTPConnection] = field(default_factory=set)  # the live sockets that are open


def services(connection: HTTPConnection) -> Services:
    """The application's services, for HTTP requests and sockets alike."""
    return cast(Services, connection.app.state.services)


ServicesDep = Annotated[Services, Depends(services)]
