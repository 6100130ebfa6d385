"""Start learning as background jobs, on the device that the backend gives them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from latentwalk.steering.discovery import Method
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.scores.ratings import Rating
from latentwalk.steering.scores.settings import ScoreSettings
from server.engine.backend import Backend
from server.jobs.runner import JobRunner
from server.jobs.task import Task
from server.services.directions import learning, regressor_learning
from server.services.directions.discovery import DiscoverRequest
from server.services.directions.regressor_learning import ScoreLearnRequest
from server.services.job_request import LearningRequest, stamp
from server.services.regressors.ratings import RatingsRequest
from server.storage.db.job import Job, Kind
from server.storage.regressors import Regressors

KINDS: tuple[Kind, ...] = ("learn", "score", "judge", "discover")


class LearningJobs:
    """Checks a request, gives it a title and queues it. Every refusal is raised here, before there is a job."""

    def __init__(self, jobs: JobRunner, backend: Backend, regressors: Regressors) -> None:
        self._jobs, self._backend, self._regressors = jobs, backend, regressors
        for kind in KINDS:
            jobs.register(kind, functools.partial(self._resume, kind))

    async def learn(self, generator: str, settings: LearnSettings, id: str | None = None, *, person: str = "") -> Job:
        """Learn a direction for a transform."""
        request = learning.request(generator, settings, id)
        return await self._start(request, request.title, person)

    async def learn_from_regressor(
        self, generator: str, settings: ScoreSettings, second: str | None, id: str | None, *, person: str = ""
    ) -> Job:
        """Learn a direction from a regressor's score."""
        entry = self._regressors.usable(settings.regressor)
        regressor_learning.id_and_title(entry, id)
        request = ScoreLearnRequest(generator=generator, settings=settings, id=id, second=second)
        return await self._start(request, f"Learning {entry.spec.title.lower()} on {generator}", person)

    async def discover(self, generator: str, method: Method, count: int, *, person: str = "") -> Job:
        """Discover directions without supervision."""
        request = DiscoverRequest(generator=generator, method=method, count=count)
        return await self._start(request, request.title, person)

    async def fit_ratings(
        self,
        generator: str,
        name: str,
        title: str | None,
        ratings: Sequence[Rating],
        card: Mapping[str, str],
        reason: str | None,
        *,
        person: str = "",
    ) -> Job:
        """Fit a regressor to ratings."""
        request = RatingsRequest.new(generator, name, title, ratings, card, reason)
        return await self._start(request, f"Fitting {len(ratings)} ratings", person)

    async def _start(self, request: LearningRequest, title: str, person: str) -> Job:
        stored = stamp(request, (await self._backend.load(request.generator)).precision).to_json()
        task = await self._backend.task(request.kind, stored)
        return await self._jobs.start(request.kind, title, task, stored, person=person)

    async def _resume(self, kind: Kind, job: Job, request: Mapping[str, Any]) -> Task:
        return await self._backend.task(kind, request)
