"""Where finished directions are kept: in the library or, with `--out`, in a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from PIL import Image
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import SUFFIX, to_bytes
from latentwalk.rendering import image_codec
from latentwalk.steering.preview_strips import preview_strip
from models import atomic_files
from models.base import Generator
from models.sandbox.device_turn import off_device
from server.storage.library import Library


class DirectionSink(ABC):
    """Keeps directions with their preview strips; `directions` lists those kept by this object, in order."""

    def __init__(self) -> None:
        self.directions: list[Direction] = []

    def keep(self, direction: Direction, generator: Generator) -> Tensor:
        """Keep `direction` with a strip rendered by `generator`; returns the strip, uint8 [H, W, 3]."""
        strip = preview_strip(generator, direction)
        with off_device():
            self._write(direction, image_codec.encode(Image.fromarray(strip.numpy()), "jpg"))
        self.directions.append(direction)
        return strip

    @abstractmethod
    def _write(self, direction: Direction, strip: bytes) -> None:
        """Store the direction and its strip, a JPEG file."""


class LibrarySink(DirectionSink):
    """Keeps directions in the library, where every server of the home offers them."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library

    def _write(self, direction: Direction, strip: bytes) -> None:
        self._library.keep(direction, strip)


class FolderSink(DirectionSink):
    """Keeps directions in a folder as ID.safetensors and ID.jpg; the library is left as it is."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _write(self, direction: Direction, strip: bytes) -> None:
        atomic_files.write(self._folder / f"{direction.id}.jpg", strip)
        atomic_files.write(self._folder / f"{direction.id}{SUFFIX}", to_bytes(direction))
