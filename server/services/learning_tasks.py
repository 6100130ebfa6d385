"""The tasks that run on a device, built from their requests: in this process, after a restart, or on a worker."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.task import SHORT, Task
from server.services.directions import discovery, learning, regressor_learning
from server.services.directions.discovery import DiscoverRequest
from server.services.directions.learning import LearnRequest
from server.services.directions.regressor_learning import ScoreLearnRequest
from server.services.directions.sinks import LibrarySink
from server.services.regressors import ratings
from server.services.regressors.ratings import RatingsRequest
from server.storage.db.job import Kind
from server.storage.library import Library
from server.storage.regressors import Regressors

TaskBuilder = Callable[[Mapping[str, Any]], Awaitable[Task]]


class LearningTasks:
    """Builds tasks from requests stored as JSON; a request that cannot be met raises an error here, before any work.

    Directions go to the library, chunks of work to the inference thread.
    """

    def __init__(
        self,
        library: Library,
        regressors: Regressors,
        generator_cache: GeneratorCache,
        inference_thread: InferenceThread,
    ) -> None:
        self._library, self._regressors = library, regressors
        self._generator_cache, self._inference_thread = generator_cache, inference_thread
        self._builders: dict[Kind, TaskBuilder] = {
            "learn": self._learn,
            "score": self._learn_from_regressor,
            "judge": self._fit_ratings,
            "discover": self._discover,
        }

    async def task(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """The task of a request of that kind, to be run on this device."""
        task = await self._builders[kind](request)
        priority = Priority.SHORT_WORK if task.queue == SHORT else Priority.WORK
        return replace(task, run_step=functools.partial(self._inference_thread.run, priority))

    async def _learn(self, stored: Mapping[str, Any]) -> Task:
        request = LearnRequest.from_json(stored)
        loaded = await self._generator_cache.get(request.generator)
        return learning.task(request, loaded, LibrarySink(self._library))

    async def _learn_from_regressor(self, stored: Mapping[str, Any]) -> Task:
        request = ScoreLearnRequest.from_json(stored)
        self._regressors.usable(request.settings.regressor)
        loaded = await self._generator_cache.get(request.generator)
        sink = LibrarySink(self._library)
        return await asyncio.to_thread(regressor_learning.task, request, loaded, self._regressors, sink)

    async def _fit_ratings(self, stored: Mapping[str, Any]) -> Task:
        request = RatingsRequest.from_json(stored)
        loaded = await self._generator_cache.get(request.generator)
        return ratings.task(request, loaded, self._regressors)

    async def _discover(self, stored: Mapping[str, Any]) -> Task:
        request = DiscoverRequest.from_json(stored)
        loaded = await self._generator_cache.get(request.generator)
        return discovery.task(request, loaded, LibrarySink(self._library))
