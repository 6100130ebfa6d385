"""The interface of film writers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from PIL import Image

from latentwalk.films.timeline import Quality


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A FLAC file that `audio.write` wrote; the first `offset` seconds are skipped."""

    path: Path
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """What a writer must know before the first frame.

    size     width and height of every frame in px
    count    number of frames
    recipe, xmp
             the canonical recipe and the XMP packet that the file carries
    samples  a few frames, for writers that choose a palette
    sound    audio, for writers of formats that have it
    """

    size: tuple[int, int]
    fps: int
    count: int
    quality: Quality
    recipe: str
    xmp: bytes
    samples: Sequence[Image.Image] = field(default_factory=tuple)
    sound: AudioTrack | None = None


class Writer(AbstractContextManager["Writer"], Protocol):
    """Writes frames of one size in order. The file is complete when the context exits without an error.

    Memory use does not depend on the film's length. Raises OSError where the disk fails.
    """

    def __init__(self, path: Path, options: WriterOptions) -> None: ...

    def add(self, picture: Image.Image) -> None:
        """Append a frame."""
        ...
