"""A timeline checked against its generator: every keyframe can be drawn, and its audio can be carried."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from latentwalk.errors import Invalid
from latentwalk.films.constant_speed import Draw
from latentwalk.films.encoding.formats import containers
from latentwalk.films.route import Route, checked_route
from latentwalk.films.timeline import Timeline
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.specs import GeneratorSpec
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.storage.audio_files import AudioFiles


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A walk that can be drawn: its route, and the generator that draws it."""

    route: Route
    loaded: LoadedGenerator

    @property
    def timeline(self) -> Timeline:
        """The timeline that the route was made from."""
        return self.route.timeline

    def directions_used(self) -> tuple[str, ...]:
        """The ids of all directions that take part in the walk's images, sorted."""
        edits = [key.edit for key in self.timeline.keyframes if key.edit is not None]
        held = {name for edit in edits for name in (*edit.hold, *edit.layers)}
        return tuple(sorted(held.union(self.timeline.directions()) & set(self.loaded.directions())))


def check_walk(timeline: Timeline, loaded: LoadedGenerator) -> Walk:
    """Check every keyframe; Invalid names the first one that cannot be drawn. Runs the mapping network."""
    return Walk(checked_route(timeline, loaded.exact, loaded.directions()), loaded)


def audio_path(timeline: Timeline, audio_files: AudioFiles) -> Path | None:
    """The audio file of a timeline, None where it has none; Invalid where its format cannot carry audio."""
    path = audio_files.path(timeline)
    if path is not None and not containers()[timeline.output.format].has_audio:
        raise Invalid(f"The format {timeline.output.format} cannot contain audio.", "Choose mp4, webm or av1.")
    return path


def walk_title(timeline: Timeline, spec: GeneratorSpec) -> str:
    """What a film of the timeline is called unless somebody names it."""
    return timeline.title or f"{len(timeline.keyframes)} keyframes on {spec.title}"


async def open_walk(timeline: Timeline, generator_cache: GeneratorCache, inference_thread: InferenceThread) -> Walk:
    """Load the generator of a timeline if need be, and check the timeline on the inference thread."""
    loaded = await generator_cache.get(timeline.generator)
    return await inference_thread.run(Priority.STILL, lambda: check_walk(timeline, loaded))


def draw_on_backend(backend: Backend, priority: Priority) -> Draw:
    """A function that draws an edit on the backend and waits for the pixels; call it from a thread, not the loop."""
    loop = asyncio.get_running_loop()
    return lambda edit: asyncio.run_coroutine_threadsafe(backend.pixels(edit, priority), loop).result()
