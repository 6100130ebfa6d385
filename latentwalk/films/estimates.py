"""How long and how large a film will be, from a dozen of its frames."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentwalk.directions.direction import Direction
from latentwalk.films.constant_speed import COARSE, FEWEST, FINE, MOST, Draw, as_timed
from latentwalk.films.encoding.formats import containers
from latentwalk.films.encoding.writer import WriterOptions
from latentwalk.films.layout import caption_of, compose
from latentwalk.films.route import Route
from latentwalk.films.timeline import canonical
from latentwalk.progress import Progress, Work
from latentwalk.provenance.xmp import packet

FRAMES = 12
KEY_EVERY = 250  # frames after which the video codecs write a whole picture again
SOUND_RATE = 20_000  # bytes a second


def estimate(route: Route, draw: Draw, directions: Mapping[str, Direction]) -> Work[dict[str, Any]]:
    """The film's seconds, frames and size in pixels, exactly; its bytes and the seconds of rendering, roughly.

    Neighbouring frames from the middle of the film are drawn and written; what one frame costs after the first,
    times all of them, is what the film will.
    """
    timeline = route.timeline
    count, output = timeline.frames, timeline.output
    tried = min(FRAMES, count)
    paced = as_timed(timeline.length)
    pictures, drawing = [], 0.0
    for index in range(tried):
        begin = time.perf_counter()
        cells = route.cells(paced.moment(timeline.time_of((count - tried) // 2 + index)))
        arrays = [draw(edit) for edit in cells]
        drawing += time.perf_counter() - begin
        caption = caption_of(timeline, cells[0], directions) if timeline.caption else ""
        pictures.append(compose(timeline, arrays, caption))
        yield Progress((index + 1) / (tried + 1), "Trying some frames")
    recipe = canonical(timeline)
    sizes = []
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="latentwalk-") as folder:
        for number in sorted({1, tried}):
            path = Path(folder) / str(number)
            plan = WriterOptions(
                pictures[0].size, output.fps, number, output.quality, recipe, packet("walk", recipe), tuple(pictures)
            )
            with containers()[output.format].writer(path, plan) as writer:
                for picture in pictures[:number]:
                    writer.add(picture)
            sizes.append(path.stat().st_size)
    encoding = (time.perf_counter() - begin) / (tried + 1)
    first, each = sizes[0], max(0.0, (sizes[-1] - sizes[0]) / max(1, tried - 1))
    wholes = count // KEY_EVERY * max(0.0, first - each) if containers()[output.format].sounds else 0.0
    sound = SOUND_RATE * timeline.duration if timeline.audio is not None else 0.0
    measured = 0
    if timeline.speed == "even":
        measured = sum(min(max(FEWEST, each * len(timeline.keyframes)), MOST) for each in (COARSE, FINE))
    width, height = pictures[0].size
    return {
        "seconds": round(timeline.duration, 3),
        "frames": count,
        "fps": output.fps,
        "width": width,
        "height": height,
        "bytes": round(first + each * (count - 1) + wholes + sound),
        "render_seconds": round(drawing / tried * (count + measured) + encoding, 3),
    }
