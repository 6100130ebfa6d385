"""Learn a direction for a transform: the request, and the task that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from latentwalk.directions.direction import check_id
from latentwalk.progress import Progress, Work
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering import transforms
from latentwalk.steering.learning.learn import learn
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.settings import LearnSettings
from server.jobs.task import Task, run_in_thread
from server.services.directions.sinks import DirectionSink
from server.services.job_request import LearningRequest, at_precision
from server.services.titles import direction_title
from server.storage.db.job import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnRequest(LearningRequest):
    """A direction to learn for a transform, to be kept under `id`."""

    kind: ClassVar[Kind] = "learn"

    settings: LearnSettings
    id: str

    @property
    def title(self) -> str:
        """The job's title."""
        return f"Learning {transforms.find(self.settings.transform).title.lower()} on {self.generator}"

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LearnRequest:
        """Read what `to_json` wrote."""
        settings = LearnSettings(**stored["settings"])
        if not isinstance(settings.layers, str):  # a pair, which JSON has as a list
            settings = replace(settings, layers=(settings.layers[0], settings.layers[1]))
        return cls(**{**stored, "settings": settings})


def request(generator: str, settings: LearnSettings, id: str | None = None) -> LearnRequest:
    """A checked request; the direction's id is the transform's name unless `id` is given.

    Raises NotFound for an unknown transform and Invalid for an id that cannot name a direction.
    """
    chosen = id or transforms.find(settings.transform).name
    check_id(chosen)
    return LearnRequest(generator=generator, settings=settings, id=chosen)


def task(request: LearnRequest, loaded: LoadedGenerator, sink: DirectionSink) -> Task:
    """Learn, calibrate and measure the direction, then keep it. The result names its generator and id."""
    transform = transforms.find(request.settings.transform)
    generator = at_precision(loaded, request.precision)
    name = direction_title(request.id, transform.name, transform.title)

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        direction = yield from learn(
            generator, request.settings, id=request.id, name=name, resume_state=resume_state, created=request.created
        )
        yield Progress(1.0, "Saving the direction")
        sink.keep(direction, loaded.exact)
        return {"generator": direction.generator, "direction": direction.id}

    return Task(make, run_in_thread, "device")
