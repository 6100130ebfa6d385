"""Estimates a film's size and rendering time from a dozen of its frames."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from latentwalk.directions.direction import Direction
from latentwalk.films.constant_speed import COARSE, FEWEST, FINE, MOST, Draw, identity_pace
from latentwalk.films.encoding.formats import containers
from latentwalk.films.encoding.writer import WriterOptions
from latentwalk.films.layout import caption_text, compose
from latentwalk.films.route import Route
from latentwalk.films.timeline import canonical
from latentwalk.progress import Progress, Work
from latentwalk.provenance.xmp import packet
from models import atomic_files

FRAMES = 12
KEYFRAME_INTERVAL = 250  # frames between two intra-coded frames of the video codecs
AUDIO_RATE = 20_000  # bytes per second


@dataclass(frozen=True, slots=True)
class FilmEstimate:
    """The length and size of a film, exactly, and its bytes and rendering time, roughly."""

    seconds: float
    frames: int
    fps: int
    width: int
    height: int
    bytes: int
    render_seconds: float


def estimate(route: Route, draw: Draw, directions: Mapping[str, Direction]) -> Work[FilmEstimate]:
    """Estimate a film.

    Consecutive frames from its middle are drawn and encoded; the cost of one frame after the first is extrapolated to
    all of them.
    """
    timeline = route.timeline
    count, output = timeline.frames, timeline.output
    sampled = min(FRAMES, count)
    pace = identity_pace(timeline.length)
    pictures, drawing = [], 0.0
    for index in range(sampled):
        begin = time.perf_counter()
        edits = route.edits_at(pace.moment(timeline.time_of((count - sampled) // 2 + index)))
        arrays = [draw(edit) for edit in edits]
        drawing += time.perf_counter() - begin
        caption = caption_text(timeline, edits[0], directions) if timeline.caption else ""
        pictures.append(compose(timeline, arrays, caption))
        yield Progress((index + 1) / (sampled + 1), "Rendering sample frames")
    recipe = canonical(timeline)
    sizes = []
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=atomic_files.SCRATCH) as folder:
        for number in sorted({1, sampled}):
            path = Path(folder) / str(number)
            options = WriterOptions(
                pictures[0].size, output.fps, number, output.quality, recipe, packet("walk", recipe), tuple(pictures)
            )
            with containers()[output.format].writer(path, options) as writer:
                for picture in pictures[:number]:
                    writer.add(picture)
            sizes.append(path.stat().st_size)
    encoding = (time.perf_counter() - begin) / (sampled + 1)
    first, each = sizes[0], max(0.0, (sizes[-1] - sizes[0]) / max(1, sampled - 1))
    keyframe_bytes = (
        count // KEYFRAME_INTERVAL * max(0.0, first - each) if containers()[output.format].has_audio else 0.0
    )
    audio = AUDIO_RATE * timeline.duration if timeline.audio is not None else 0.0
    measured = 0
    if timeline.speed == "even":
        measured = sum(min(max(FEWEST, each * len(timeline.keyframes)), MOST) for each in (COARSE, FINE))
    width, height = pictures[0].size
    return FilmEstimate(
        seconds=round(timeline.duration, 3),
        frames=count,
        fps=output.fps,
        width=width,
        height=height,
        bytes=round(first + each * (count - 1) + keyframe_bytes + audio),
        render_seconds=round(drawing / sampled * (count + measured) + encoding, 3),
    )
