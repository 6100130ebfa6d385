"""How learning is done, from its request alone: now, after a restart, or on another machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from PIL import Image

from latentwalk.directions.direction import Direction
from latentwalk.progress import Progress, Work
from latentwalk.rendering import image_codec
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering import transforms
from latentwalk.steering.discovery import Method, discover
from latentwalk.steering.learning.learn import LearnSettings, learn
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.scores.ratings import Rating
from latentwalk.steering.scores.settings import ScoreSettings
from models.base import Generator as Model
from models.base import Precision
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.job import Kind
from server.jobs.task import Task
from server.services import regressor_learning
from server.storage.library import Library
from server.storage.regressors import Regressors

T = TypeVar("T")
Way = Callable[[Mapping[str, Any]], Awaitable[Task]]


class LearningTasks:
    """Makes plans of requests, which are JSON. What cannot be done is refused here, before there is a plan."""

    def __init__(self, library: Library, regressors: Regressors, shelf: GeneratorCache, lane: InferenceThread) -> None:
        self._library, self._regressors, self._shelf, self._lane = library, regressors, shelf, lane
        self._ways: dict[Kind, Way] = {
            "learn": self._learning, "score": self._scoring, "judge": self._rating, "discover": self._discovering,
        }  # fmt: skip

    async def plan(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """How a request of that kind is done on this device."""
        return await self._ways[kind](request)

    async def _learning(self, request: Mapping[str, Any]) -> Task:
        ready = await self._shelf.get(request["generator"])
        settings = LearnSettings(**request["settings"])
        if not isinstance(settings.layers, str):  # two numbers, which JSON has as a list
            settings = replace(settings, layers=(settings.layers[0], settings.layers[1]))
        transform = transforms.find(settings.transform)
        quick, id = twin_in_precision(ready, request["precision"]), request["id"]
        name = slider_title(id, transform.name, transform.title)
        date = request["created"]
        return self._plan(lambda memory: learn_direction(self._library, ready, quick, settings, id, name, memory, date))

    async def _scoring(self, request: Mapping[str, Any]) -> Task:
        generator = request["generator"]
        settings = ScoreSettings(**{**request["settings"], "hold": tuple(request["settings"]["hold"])})
        entry = self._regressors.usable(settings.regressor)
        ready = await self._shelf.get(generator)
        quick = twin_in_precision(ready, request["precision"])
        regressor_learning.held_directions(ready.directions(), settings.hold, generator)
        seats = await asyncio.to_thread(
            regressor_learning.regressor_set, self._regressors, settings.regressor, request["second"]
        )

        def keep(direction: Direction, picture: Any) -> None:
            self._library.keep(direction, to_jpeg(picture))

        def make(memory: ResumeState) -> Work[Mapping[str, Any]]:
            id, date = request["id"], request["created"]
            return regressor_learning.learn_score_direction(
                self._library, ready, quick, seats, entry, settings, id, keep, memory, date
            )

        return self._plan(make)

    async def _rating(self, request: Mapping[str, Any]) -> Task:
        ready = await self._shelf.get(request["generator"])
        ratings = [Rating(**row) for row in request["ratings"]]
        name, title, card, reason = (request[part] for part in ("name", "title", "card", "reason"))
        return self._plan(
            lambda memory: regressor_learning.fit_ratings_regressor(
                self._regressors, ready.exact, name, title, ratings, card, reason
            )
        )

    async def _discovering(self, request: Mapping[str, Any]) -> Task:
        ready = await self._shelf.get(request["generator"])
        return self._plan(lambda memory: discover_directions(self._library, ready, request["method"], request["count"]))

    def _plan(self, make: Callable[[ResumeState], Work[Mapping[str, Any]]]) -> Task:
        return Task(make, self._on_the_lane, "device")

    async def _on_the_lane(self, chunk: Callable[[], T]) -> T:
        return await self._lane.run(Priority.WORK, chunk)


def twin_in_precision(ready: LoadedGenerator, precision: Precision) -> Model:
    """The twin of a generator that work was begun with: the other one gives other bytes."""
    known = next((one for one in (ready.quick, ready.exact) if one.precision == precision), None)
    return known or ready.exact.at(precision)


def slider_title(id: str, transform: str, title: str) -> str:
    """A slider's name from its id: "zoom_2" learned for Zoom is "Zoom 2"."""
    if id == transform:
        return title
    rest = id.removeprefix(f"{transform}_")
    return f"{title} {rest.replace('_', ' ')}" if rest != id else id.replace("_", " ").capitalize()


def learn_direction(
    library: Library, ready: LoadedGenerator, quick: Model, settings: LearnSettings, id: str, name: str,
    memory: ResumeState | None = None, created: str = "",
) -> Work[Mapping[str, Any]]:  # fmt: skip
    """Learn a slider and keep it with its strip; with a memory, from where it was left."""
    direction = yield from learn(quick, settings, id=id, name=name, memory=memory, created=created)
    yield Progress(1.0, "Keeping it")
    library.keep(direction, to_jpeg(preview_strip(ready.exact, direction)))
    return {"generator": direction.generator, "direction": direction.id}


def discover_directions(
    library: Library, ready: LoadedGenerator, method: Method, count: int
) -> Work[Mapping[str, Any]]:
    """Find sliders and keep each with its strip."""
    found = yield from discover(ready.exact, method, count=count)
    for number, direction in enumerate(found):
        picture = preview_strip(ready.exact, direction)
        library.keep(direction, to_jpeg(picture))
        yield Progress(0.9 + 0.1 * (number + 1) / len(found), f"Kept {direction.name}", strip=picture)
    return {"generator": ready.spec.name, "directions": [direction.id for direction in found]}


def to_jpeg(array: Any) -> bytes:
    """uint8 [H, W, 3] as a JPEG file."""
    return image_codec.encode(Image.fromarray(array.numpy()), "jpg")
