"""Renders a timeline to a file: pace, palette, then frames, with drawing and encoding in parallel."""

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
from latentwalk.films.layout import caption_text, compose
from latentwalk.films.route import Route
from latentwalk.films.timeline import canonical
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.provenance.xmp import packet
from models import atomic_files

QUEUE_SIZE = 4  # frames that may wait for the encoder
SAMPLES = 8  # frames that identify the film in the ledger
PALETTE_SAMPLES = 8  # frames from which a GIF's palette is chosen
Sign = Callable[[Path, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A finished film.

    `digest` is the SHA-256 of its frames before encoding, `samples` are some of the frames.
    """

    path: Path
    bytes: int
    width: int
    height: int
    frames: int
    fps: int
    seconds: float
    digest: str
    samples: tuple[Image.Image, ...]


def render_film(
    route: Route,
    draw: Draw,
    directions: Mapping[str, Direction],
    path: Path,
    *,
    sound: Path | None = None,
    sign: Sign | None = None,
) -> Work[Film]:
    """Render a walk to `path`, one frame per chunk of work. The file appears at `path` when it is complete and signed.

    `draw` returns the exact pixels of an edit. `sign` is called with the finished file, under a temporary name, and
    the canonical recipe. Memory use does not depend on the film's length. Raises StorageFailed where the disk fails.
    """
    timeline = route.timeline
    container = containers()[timeline.output.format]
    recipe, count = canonical(timeline), timeline.frames
    pace = yield from scale_progress(measure_pace(route, draw), 0.0, 0.1)
    start = 0.1 if timeline.speed == "even" else 0.0

    def frame(seconds: float) -> Callable[[], Image.Image]:
        edits = route.edits_at(seconds)
        arrays = [draw(edit) for edit in edits]
        caption = caption_text(timeline, edits[0], directions) if timeline.caption else ""
        return lambda: compose(timeline, arrays, caption)

    palette_samples: list[Image.Image] = []
    if timeline.output.format == "gif":  # the palette must suit the whole film
        for index in range(min(PALETTE_SAMPLES, count)):
            palette_samples.append(frame(moment_of_frame(route, pace, index * count // min(PALETTE_SAMPLES, count)))())
            yield Progress(start, "Choosing colours")
    audio = None if sound is None or timeline.audio is None else AudioTrack(sound, timeline.audio.offset)
    digest = hashlib.sha256()
    samples: list[Image.Image] = []
    size = (0, 0)
    with ExitStack() as stack:
        part = stack.enter_context(atomic_files.replacing(path))
        with ExitStack() as writing:
            encoder: _EncoderThread | None = None
            for index in range(count):
                make = frame(moment_of_frame(route, pace, index))
                if encoder is None:
                    first = make()
                    size = first.size
                    options = WriterOptions(
                        size, timeline.output.fps, count, timeline.output.quality, recipe, packet("walk", recipe),
                        tuple(palette_samples), audio,
                    )  # fmt: skip
                    writer = writing.enter_context(container.writer(part, options))
                    every = max(1, count // SAMPLES)
                    encoder = writing.enter_context(_EncoderThread(writer, size, digest.update, samples, every))
                encoder.add(make)
                yield Progress(start + (1 - start) * (index + 1) / (count + 1), f"Frame {index + 1} of {count}")
        if sign is not None:
            sign(part, recipe)
    fps = timeline.output.fps
    return Film(path, path.stat().st_size, *size, count, fps, count / fps, digest.hexdigest(), tuple(samples))


def moment_of_frame(route: Route, pace: Pace, frame: int) -> float:
    """The time in the walk, in seconds, that a frame of its film shows."""
    return pace.moment(route.timeline.time_of(frame))


def frame_edits(route: Route, pace: Pace) -> Iterator[tuple[Edit, ...]]:
    """The edits of each frame, in order."""
    for index in range(route.timeline.frames):
        yield route.edits_at(moment_of_frame(route, pace, index))


class _EncoderThread:
    # Composes and encodes frames in a thread, while the device draws the next one. An error there is raised in the
    # calling thread, at the next frame or at the end.

    def __init__(
        self,
        writer: Writer,
        size: tuple[int, int],
        digest: Callable[[bytes], None],
        samples: list[Image.Image],
        every: int,
    ) -> None:
        self._writer, self._size, self._digest, self._samples, self._every = writer, size, digest, samples, every
        self._queue: queue.Queue[Callable[[], Image.Image] | None] = queue.Queue(QUEUE_SIZE)
        self._failure: BaseException | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)

    def __enter__(self) -> _EncoderThread:
        self._thread.start()
        return self

    def add(self, make: Callable[[], Image.Image]) -> None:
        self._queue.put(make)
        if self._failure is not None:
            raise self._failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = kind is not None
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        count = 0
        while (make := self._queue.get()) is not None:
            if self._failure is not None or self._stopped:
                continue  # drain the queue, so that `add` does not block
            try:
                picture = make()
                if picture.size != self._size:
                    raise ModelFailed("The model changed the size of its images.", "Try another generator.")
                self._digest(np.asarray(picture).tobytes())
                if count % self._every == 0 and len(self._samples) < SAMPLES:
                    self._samples.append(picture)
                self._writer.add(picture)
                count += 1
            except BaseException as failure:  # raised in the thread that draws
                self._failure = failure
