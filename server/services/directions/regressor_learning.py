"""Learn a direction from a regressor's score: the request, the checks, and the task that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from latentwalk.directions.direction import Direction, check_id
from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.scores.learn import learn
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.transforms import transforms
from server.jobs.task import Task, run_in_thread
from server.services.directions.sinks import DirectionSink
from server.services.job_request import LearningRequest, at_precision
from server.services.titles import direction_title
from server.storage.db.job import Kind
from server.storage.regressor_entry import RegressorEntry
from server.storage.regressors import Regressors


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLearnRequest(LearningRequest):
    """A direction to learn from a regressor's score; `second` names another regressor that re-scores it."""

    kind: ClassVar[Kind] = "score"

    settings: ScoreSettings
    id: str | None = None
    second: str | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ScoreLearnRequest:
        """Read what `to_json` wrote."""
        settings = ScoreSettings(**{**stored["settings"], "hold": tuple(stored["settings"]["hold"])})
        return cls(**{**stored, "settings": settings})


def task(request: ScoreLearnRequest, loaded: LoadedGenerator, regressors: Regressors, sink: DirectionSink) -> Task:
    """Learn, calibrate and measure the direction, then keep it. The result has its generator, id and report card.

    Loads the regressors, which may take seconds. Raises an error where a name, a card or a held direction does not
    allow the request.
    """
    settings = request.settings
    entry = regressors.usable(settings.regressor)
    held = held_directions(loaded.directions(), settings.hold, request.generator)
    scorers = regressor_set(regressors, settings.regressor, request.second)
    generator = at_precision(loaded, request.precision)
    id, name = id_and_title(entry, request.id)

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        work = learn(generator, scorers, settings, id, name, held, entry.about(), resume_state, request.created)
        direction = yield from scale_progress(work, 0.0, 0.99)
        strip = sink.keep(direction, loaded.exact)
        yield Progress(1.0, "Saved", strip=strip)
        return {"generator": direction.generator, "direction": direction.id, "card": dict(direction.card or {})}

    return Task(make, run_in_thread, "device")


def regressor_set(regressors: Regressors, name: str, second: str | None = None) -> RegressorSet:
    """The regressor `name`, every built-in measure beside it, and a second regressor for the re-scoring, if any.

    Raises Invalid where its card is incomplete, and where both names are the same.
    """
    regressors.usable(name)
    if second == name:
        raise Invalid("A regressor cannot check itself.", "Name another regressor for the second score.")
    other = regressors.load(second) if second else None
    return RegressorSet(regressors.load(name), regressors.measures(), other)


def held_directions(directions: Mapping[str, Direction], names: Sequence[str], generator: str) -> list[Direction]:
    """The directions that the new one must be orthogonal to; Invalid where one is unknown or not linear."""
    held = []
    for name in names:
        if name not in directions:
            raise Invalid(f"{generator} has no direction “{name[:60]}” to hold.", "Choose one of its directions.")
        if directions[name].walk.kind == "path":
            raise Invalid(f"{directions[name].name} is a path and cannot be held.", "Hold a linear direction instead.")
        held.append(directions[name])
    return held


def id_and_title(entry: RegressorEntry, id: str | None) -> tuple[str, str]:
    """The id and title of a direction learned from `entry`.

    The title of a sensitive score says that it is a score and not a property of the person in the picture.
    """
    # A transform of the same name has a direction of its own, which is another thing.
    chosen = id or (f"{entry.spec.name}_score" if entry.spec.name in transforms() else entry.spec.name)
    check_id(chosen)
    if entry.sensitive:
        return chosen, f"Towards what “{entry.spec.title}” scores high"
    return chosen, direction_title(chosen, entry.spec.name, entry.spec.title)
