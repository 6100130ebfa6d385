"""What a writer of film files is told, and what it promises."""

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
    """A sound file of our own making, and the seconds of it to skip."""

    path: Path
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """A film about to be written: frames of one `size`, `count` of them, with the recipe and XMP it will carry.

    `samples` are a few of its pictures, for those that choose colours beforehand.
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
    """Takes pictures of one size in order; the file is complete once the context is left without an error.

    Memory does not grow with the film. Errors of the disk are OSError.
    """

    def __init__(self, path: Path, plan: WriterOptions) -> None: ...

    def add(self, picture: Image.Image) -> None: ...
