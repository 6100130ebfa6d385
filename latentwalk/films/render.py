"""From a timeline to a file: pace, palette, frames; drawing and encoding at the same time, one frame after another."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.errors import ModelFailed
from latentwalk.films.constant_speed import Draw, Pace, measure_pace
from latentwalk.films.encoding.formats import containers
from latentwalk.films.encoding.writer import AudioTrack, Writer, WriterOptions
from latentwalk.films.layout import caption_of, compose
from latentwalk.films.route import Route
from latentwalk.films.timeline import canonical
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.provenance.xmp import packet
from models import atomic_files

AHEAD = 4  # frames that may wait for the encoder
KEPT = 8  # frames by which a film is known again
SAMPLES = 8  # frames from which a palette is chosen
Sign = Callable[[Path, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A finished film; `digest` is the SHA-256 of its frames as they were drawn, `shown` some of them."""

    path: Path
    bytes: int
    width: int
    height: int
    frames: int
    fps: int
    seconds: float
    digest: str
    shown: tuple[Image.Image, ...]


def render_film(
    route: Route,
    draw: Draw,
    directions: Mapping[str, Direction],
    path: Path,
    *,
    sound: Path | None = None,
    sign: Sign | None = None,
) -> Work[Film]:
    """Render a walk to `path`, a frame a chunk; nothing is at `path` until all of it is, signed if it is to be.

    `draw` gives the exact pixels of an edit; `sign` is handed the finished file, still under a temporary name, and
    the canonical recipe. Memory does not grow with the film's length.
    """
    timeline = route.timeline
    container = containers()[timeline.output.format]
    recipe, count = canonical(timeline), timeline.frames
    paced = yield from scale_progress(measure_pace(route, draw), 0.0, 0.1)
    start = 0.1 if timeline.speed == "even" else 0.0

    def frame(seconds: float) -> Callable[[], Image.Image]:
        cells = route.cells(seconds)
        arrays = [draw(edit) for edit in cells]
        caption = caption_of(timeline, cells[0], directions) if timeline.caption else ""
        return lambda: compose(timeline, arrays, caption)

    samples: list[Image.Image] = []
    if timeline.output.format == "gif":  # a palette needs an idea of the whole film
        for index in range(min(SAMPLES, count)):
            samples.append(frame(moment_of_frame(route, paced, index * count // min(SAMPLES, count)))())
            yield Progress(start, "Choosing colours")
    voice = None if sound is None or timeline.audio is None else AudioTrack(sound, timeline.audio.offset)
    digest = hashlib.sha256()
    shown: list[Image.Image] = []
    size = (0, 0)
    with ExitStack() as stack:
        kept = stack.enter_context(atomic_files.replacing(path))
        with ExitStack() as writing:
            sink: _Overlapped | None = None
            for index in range(count):
                make = frame(moment_of_frame(route, paced, index))
                if sink is None:
                    first = make()
                    size = first.size
                    plan = WriterOptions(
                        size, timeline.output.fps, count, timeline.output.quality, recipe, packet("walk", recipe),
                        tuple(samples), voice,
                    )  # fmt: skip
                    writer = writing.enter_context(container.writer(kept, plan))
                    every = max(1, count // KEPT)
                    sink = writing.enter_context(_Overlapped(writer, size, digest.update, shown, every))
                sink.add(make)
                yield Progress(start + (1 - start) * (index + 1) / (count + 1), f"Frame {index + 1} of {count}")
        if sign is not None:
            sign(kept, recipe)
    fps = timeline.output.fps
    return Film(path, path.stat().st_size, *size, count, fps, count / fps, digest.hexdigest(), tuple(shown))


def moment_of_frame(route: Route, paced: Pace, frame: int) -> float:
    """The moment of the walk that a frame of its film shows, at this pace."""
    return paced.moment(route.timeline.time_of(frame))


def edits_of(route: Route, paced: Pace) -> Iterator[tuple[Edit, ...]]:
    """The edits of every frame, in order."""
    for index in range(route.timeline.frames):
        yield route.cells(moment_of_frame(route, paced, index))


class _Overlapped:
    # Composing and encoding in a thread of its own, so that the device draws the next frame meanwhile. What fails
    # there is raised here, at the next frame or at the end.

    def __init__(
        self,
        writer: Writer,
        size: tuple[int, int],
        digest: Callable[[bytes], None],
        shown: list[Image.Image],
        every: int,
    ) -> None:
        self._writer, self._size, self._digest, self._shown, self._every = writer, size, digest, shown, every
        self._waiting: queue.Queue[Callable[[], Image.Image] | None] = queue.Queue(AHEAD)
        self._failure: BaseException | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)

    def __enter__(self) -> _Overlapped:
        self._thread.start()
        return self

    def add(self, make: Callable[[], Image.Image]) -> None:
        self._waiting.put(make)
        if self._failure is not None:
            raise self._failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = kind is not None
        self._waiting.put(None)
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        count = 0
        while (make := self._waiting.get()) is not None:
            if self._failure is not None or self._stopped:
                continue  # whoever adds must not wait for room for ever
            try:
                picture = make()
                if picture.size != self._size:
                    raise ModelFailed("The model changed the size of its pictures.", "Try another generator.")
                self._digest(np.asarray(picture).tobytes())
                if count % self._every == 0 and len(self._shown) < KEPT:
                    self._shown.append(picture)
                self._writer.add(picture)
                count += 1
            except BaseException as failure:  # carried to the thread that draws
                self._failure = failure
