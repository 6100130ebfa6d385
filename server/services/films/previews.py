"""What a walk will show and cost, before a film is made of it: edits for scrubbing, estimates, presets."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.films.constant_speed import Pace, identity_pace, measure_pace
from latentwalk.films.estimates import FilmEstimate, estimate
from latentwalk.films.presets import PresetRequest, presets
from latentwalk.films.render import moment_of_frame
from latentwalk.films.timeline import Timeline, canonical
from latentwalk.progress import finish
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.services.films.walk import Walk, draw_on_backend, open_walk
from server.storage.library import Library

MOST_MOMENTS = 600
PACES_CACHED = 64
CONCURRENT_MEASUREMENTS = 2  # of paces and estimates: each occupies one of few threads while it waits


@dataclass(frozen=True, slots=True)
class Moments:
    """The edits of some frames of a walk: for each time in seconds, the edits of its cells, row by row."""

    timeline: Timeline
    times: list[float]
    edits: list[tuple[Edit, ...]]


class WalkPreviews:
    """Answers questions about timelines; Invalid where one cannot be drawn. Measured paces are cached."""

    def __init__(
        self, library: Library, generator_cache: GeneratorCache, inference_thread: InferenceThread, backend: Backend
    ) -> None:
        self._library, self._backend = library, backend
        self._generator_cache, self._inference_thread = generator_cache, inference_thread
        self._paces: OrderedDict[str, Pace] = OrderedDict()
        self._measuring = asyncio.Semaphore(CONCURRENT_MEASUREMENTS)

    async def moments(
        self, timeline: Timeline, count: int | None, between: tuple[float, float | None] = (0.0, None)
    ) -> Moments:
        """The edits of `count` frames spread evenly over the film, at most MOST_MOMENTS; None takes every frame.

        `between` limits them to a part of the film, in seconds; None as its end is the end of the film.
        """
        walk = await self._open(timeline)
        pace = await self._pace(walk)
        first, last = frames_between(timeline, between)
        number = min(count or timeline.frames, last - first + 1, MOST_MOMENTS)
        frames = [first + round(index * (last - first) / max(1, number - 1)) for index in range(number)]

        def edits() -> list[tuple[Edit, ...]]:
            return [walk.route.edits_at(moment_of_frame(walk.route, pace, frame)) for frame in frames]

        times = [frame / timeline.output.fps for frame in frames]
        return Moments(timeline, times, await asyncio.to_thread(edits))

    async def estimate(self, timeline: Timeline) -> FilmEstimate:
        """The film's length and size in pixels, its bytes, and the seconds of rendering."""
        walk = await self._open(timeline)
        draw = draw_on_backend(self._backend, Priority.STILL)
        async with self._measuring:
            return await asyncio.to_thread(lambda: finish(estimate(walk.route, draw, walk.loaded.directions())))

    async def preset(self, id: str, request: PresetRequest) -> Timeline:
        """The timeline of a preset."""
        if id not in presets():
            raise Invalid(f"There is no preset “{id[:40]}”.", f"Choose one of {', '.join(presets())}.")
        generator = request.edit.generator
        return presets()[id].make(request, self._library.spec(generator), self._library.directions(generator))

    async def _open(self, timeline: Timeline) -> Walk:
        return await open_walk(timeline, self._generator_cache, self._inference_thread)

    async def _pace(self, walk: Walk) -> Pace:
        route = walk.route
        if route.timeline.speed == "timed":
            return identity_pace(route.timeline.length)
        # The pace depends only on what moves: captions and formats may change without a new measurement.
        moving = route.timeline.model_copy(update={"title": "", "caption": False, "mark": False, "beats": ()})
        key = f"{canonical(moving)}|{self._library.stamp(route.at(0.0))}"
        key = hashlib.sha256(key.encode()).hexdigest()
        async with self._measuring:
            if key not in self._paces:
                draw = draw_on_backend(self._backend, Priority.STILL)
                self._paces[key] = await asyncio.to_thread(lambda: finish(measure_pace(route, draw)))
                while len(self._paces) > PACES_CACHED:
                    self._paces.popitem(last=False)
            return self._paces[key]


def frames_between(timeline: Timeline, seconds: tuple[float, float | None]) -> tuple[int, int]:
    """The first and last frame of a part of the film; a part past its end is its last frame."""
    start, stop = seconds
    end = timeline.frames - 1
    first = min(round(start * timeline.output.fps), end)
    return first, end if stop is None else max(first, min(round(stop * timeline.output.fps), end))
