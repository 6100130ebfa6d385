"""Walks in a server: their edits for scrubbing, estimates, and films of them made in the background."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.films.constant_speed import Draw, Pace, identity_pace, measure_pace
from latentwalk.films.encoding.formats import containers
from latentwalk.films.estimates import estimate
from latentwalk.films.presets import PresetRequest, presets, sweep
from latentwalk.films.render import moment_of_frame, render_film
from latentwalk.films.route import Route, checked_route
from latentwalk.films.timeline import Timeline, canonical, read
from latentwalk.progress import Work, finish
from latentwalk.provenance.ledger import LedgerEntry
from latentwalk.provenance.signing import FileSigner
from latentwalk.provenance.stills import still_file
from latentwalk.rendering import image_codec
from latentwalk.rendering.draw import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.learning.resume_state import ResumeState
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.job import Job, now
from server.jobs.runner import JobRunner
from server.jobs.task import Task, run_in_thread
from server.storage.audio_files import AudioFiles
from server.storage.film_archive import FilmArchive
from server.storage.library import Library

THUMBNAIL = 256
MOST_MOMENTS = 600
PACES_KEPT = 64
MEASURING = 2  # paces and estimates at once: each waits in a thread, and there are few


class Cinema:
    """Checks a walk, then shows, estimates or films it. Refusals are raised here, before there is a job."""

    def __init__(
        self, library: Library, shelf: GeneratorCache, lane: InferenceThread, jobs: JobRunner, exports: FilmArchive,
        press: FileSigner, sounds: AudioFiles, backend: Backend,
    ) -> None:  # fmt: skip
        self._library, self._shelf, self._lane = library, shelf, lane
        self._jobs, self._exports, self._press, self._sounds = jobs, exports, press, sounds
        self._backend = backend
        self._paces: OrderedDict[str, Pace] = OrderedDict()
        self._measuring = asyncio.Semaphore(MEASURING)
        jobs.knows("export", lambda job, request: self._filming(request))

    async def moments(
        self, timeline: Timeline, count: int | None, between: tuple[float, float | None] = (0.0, None)
    ) -> dict[str, Any]:
        """The edits of `count` moments evenly spread over the film, or of its frames as far as they are few.

        `between` are the film's seconds they are taken from, none the whole film.
        """
        ready, route = await self._route(timeline)
        paced = await self._pace(route, ready)
        first, last = between_frames(timeline, between)
        shown = min(count or timeline.frames, last - first + 1, MOST_MOMENTS)
        frames = [first + round(index * (last - first) / max(1, shown - 1)) for index in range(shown)]
        columns, rows = (1, 1) if timeline.grid is None else timeline.grid.shape

        def edits() -> list[list[dict[str, Any]]]:
            every = (route.edits_at(moment_of_frame(route, paced, frame)) for frame in frames)
            return [[edit.model_dump(mode="json", exclude_defaults=True) for edit in cells] for cells in every]

        return {
            "seconds": timeline.duration,
            "frames": timeline.frames,
            "fps": timeline.output.fps,
            "columns": columns,
            "rows": rows,
            "times": [frame / timeline.output.fps for frame in frames],
            "edits": await asyncio.to_thread(edits),
        }

    async def estimate(self, timeline: Timeline) -> dict[str, Any]:
        """How long and how large the film would be."""
        ready, route = await self._route(timeline)
        drawn = self._drawn(Priority.STILL)
        async with self._measuring:
            return asdict(await asyncio.to_thread(lambda: finish(estimate(route, drawn, ready.directions()))))

    async def still(self, edit: Edit, format: image_codec.Format, *, size: int | None, mark: bool) -> bytes:
        """The exact picture of an edit as a file that says what it is."""
        ready = await self._shelf.get(edit.generator)
        pixels = await self._backend.pixels(edit)
        return await asyncio.to_thread(
            lambda: still_file(edit, pixels, ready, self._press, format=format, size=size, mark=mark)
        )

    async def preset(self, id: str, wish: PresetRequest) -> Timeline:
        """The timeline of a preset."""
        if id not in presets():
            raise Invalid(f"There is no preset “{id[:40]}”.", f"There are {', '.join(presets())}.")
        spec = self._library.spec(wish.edit.generator)
        return presets()[id].make(wish, spec, self._library.directions(wish.edit.generator))

    async def export(self, timeline: Timeline, title: str = "", *, person: str = "") -> Job:
        """Make a film of a walk."""
        id = self._exports.new()
        named = title or self._title(timeline)
        request = {"export": id, "recipe": timeline.plain(), "title": named}
        return await self._jobs.start("export", named, await self._filming(request), request, person=person)

    async def sweep(self, edit: Edit, slider: str, *, person: str = "", **how: Any) -> Job:
        """Make a film of one slider, there and back."""
        direction = self._library.direction(edit.generator, slider)
        title = f"{direction.name} on {self._library.spec(edit.generator).title}"
        return await self.export(sweep(edit, direction, **how), title, person=person)

    async def _filming(self, request: Mapping[str, Any]) -> Task:
        # From its request alone: now, or by a server that takes it up after this one. A film is begun from its start.
        timeline, id, title = read(request["recipe"]), str(request["export"]), str(request["title"])[:200]
        ready, route = await self._route(timeline)
        sound = self._sounds.path(timeline)
        if sound is not None and not containers()[timeline.output.format].has_audio:
            raise Invalid(f"A film as {timeline.output.format} carries no sound.", "Choose mp4, webm or av1.")
        drawn = self._drawn(Priority.WORK)

        def make(memory: ResumeState) -> Work[Mapping[str, Any]]:
            return filmed(self._exports, self._press, ready, route, id, title, drawn=drawn, sound=sound)

        return Task(make, run_in_thread, "films")

    async def _route(self, timeline: Timeline) -> tuple[LoadedGenerator, Route]:
        ready = await self._shelf.get(timeline.generator)
        route = await self._lane.run(Priority.STILL, lambda: checked_route(timeline, ready.exact, ready.directions()))
        return ready, route

    async def _pace(self, route: Route, ready: LoadedGenerator) -> Pace:
        if route.timeline.speed == "timed":
            return identity_pace(route.timeline.length)
        # Only what moves the pictures is part of the pace: captions and formats may change without measuring anew.
        moving = route.timeline.model_copy(update={"title": "", "caption": False, "mark": False, "beats": ()})
        key = f"{canonical(moving)}|{self._library.stamp(route.at(0.0))}"
        key = hashlib.sha256(key.encode()).hexdigest()
        async with self._measuring:
            if key not in self._paces:
                drawn = self._drawn(Priority.STILL)
                self._paces[key] = await asyncio.to_thread(lambda: finish(measure_pace(route, drawn)))
                while len(self._paces) > PACES_KEPT:
                    self._paces.popitem(last=False)
            return self._paces[key]

    def _drawn(self, priority: Priority) -> Draw:
        # For threads: films and paces are made in some of their own, the pictures where the backend makes them.
        loop = asyncio.get_running_loop()
        return lambda edit: asyncio.run_coroutine_threadsafe(self._backend.pixels(edit, priority), loop).result()

    def _title(self, timeline: Timeline) -> str:
        place = self._library.spec(timeline.generator).title
        return timeline.title or f"{len(timeline.keyframes)} keyframes on {place}"


def filmed(
    exports: FilmArchive,
    press: FileSigner,
    ready: LoadedGenerator,
    route: Route,
    id: str,
    title: str,
    *,
    drawn: Draw | None = None,
    sound: Path | None = None,
) -> Work[Mapping[str, Any]]:
    """Render a walk into the exports; what is not finished is removed. One that is there already is left as it is."""
    if exports.has(id):  # a server died between finishing it and saying so
        return {"export": id}
    exports.discard(id)  # the half of it that a server left that died before
    timeline, directions = route.timeline, ready.directions()
    mime = containers()[timeline.output.format].credential_type
    claim = press.claim("walk", canonical(timeline), ready.spec, directions, used_by(timeline, directions))
    embedded = False

    def sign(path: Path, recipe: str) -> None:
        nonlocal embedded
        embedded = press.embed(path, mime, claim)

    drawing = drawn or (lambda edit: draw(edit, ready))
    path = exports.film(id)
    try:
        made = yield from render_film(route, drawing, directions, path, sound=sound, sign=sign)
        seal = press.seal(path, embedded, claim)
        small = made.samples[0].copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        description = {
            "title": title,
            "format": timeline.output.format,
            "bytes": made.bytes,
            "width": made.width,
            "height": made.height,
            "frames": made.frames,
            "fps": made.fps,
            "seconds": round(made.seconds, 3),
            "created": now(),
            "recipe": timeline.plain(),
            "credential": seal.placement,
            "sha256": seal.sha256,
            "digest": made.digest,
        }
        created, format = str(description["created"]), timeline.output.format
        entry = LedgerEntry(created, seal.sha256, made.bytes, format, title, "walk", claim.recipe, id)
        press.note(entry, made.samples)
        exports.finish(id, description, image_codec.encode(small, "jpg"), seal.beside)
    except BaseException:  # cancelling closes the generator, which is not an Exception
        exports.discard(id)
        raise
    return {"export": id}


def used_by(timeline: Timeline, directions: Mapping[str, Direction]) -> tuple[str, ...]:
    """Every direction that has a part in a walk's pictures."""
    held = {name for key in timeline.keyframes if key.edit is not None for name in (*key.edit.hold, *key.edit.layers)}
    return tuple(sorted(held.union(timeline.directions()) & set(directions)))


def between_frames(timeline: Timeline, seconds: tuple[float, float | None]) -> tuple[int, int]:
    """The first and last frame of a stretch of the film; a stretch past its end is its last frame."""
    start, stop = seconds
    end = timeline.frames - 1
    first = min(round(start * timeline.output.fps), end)
    return first, end if stop is None else max(first, min(round(stop * timeline.output.fps), end))
