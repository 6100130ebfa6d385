"""Discover directions without supervision: the request, and the task that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from latentwalk.progress import Progress, Work
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.discovery import Method, discover
from latentwalk.steering.learning.resume_state import ResumeState
from server.jobs.task import Task, run_in_thread
from server.services.directions.sinks import DirectionSink
from server.services.job_request import LearningRequest
from server.storage.db.job import Kind

METHOD_TITLES: Mapping[Method, str] = {"pca": "PCA", "sefa": "SeFa", "styles": "style"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverRequest(LearningRequest):
    """`count` directions to find by `method`, the strongest first."""

    kind: ClassVar[Kind] = "discover"

    method: Method
    count: int

    @property
    def title(self) -> str:
        """The job's title."""
        return f"Looking for {self.count} {METHOD_TITLES[self.method]} directions on {self.generator}"

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DiscoverRequest:
        """Read what `to_json` wrote."""
        return cls(**stored)


def task(request: DiscoverRequest, loaded: LoadedGenerator, sink: DirectionSink) -> Task:
    """Find the directions and keep each one. The result names the generator and lists the ids."""

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        directions = yield from discover(loaded.exact, request.method, count=request.count)
        for number, direction in enumerate(directions, start=1):
            strip = sink.keep(direction, loaded.exact)
            yield Progress(0.9 + 0.1 * number / len(directions), f"Saved {direction.name}", strip=strip)
        return {"generator": loaded.spec.name, "directions": [direction.id for direction in directions]}

    return Task(make, run_in_thread, "device")
