"""The directions that a home holds: in the store under their hash, or as files that somebody put into a folder."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from latentwalk.directions.direction import NAME, Direction
from latentwalk.directions.direction_file import LARGEST_FILE, SUFFIX, from_bytes, to_bytes
from latentwalk.errors import Invalid, LatentwalkError, StorageFailed
from models import atomic_files
from models.catalogue import local
from server.storage.db.database import Database
from server.storage.db.library_index import IndexRow, LibraryIndex
from server.storage.objects import ObjectStore

ENCODER = "encoder.safetensors"
KIND = "direction"

log = logging.getLogger(__name__)

Source = tuple[str, Callable[[], bytes]]


class LearnedDirections:
    """The directions in `home`, by generator and id. Their folder's age tells other processes that something changed.

    A loose file in `directions`/GENERATOR is used as it is, before what the store has of that name: it is how earlier
    versions kept them, and how people bring their own. `take_in` moves such files into the store.
    """

    def __init__(self, home: Path, database: Database | None = None) -> None:
        self._folder = home / "directions"
        self._index = LibraryIndex(database or Database.at(home))
        self.objects = ObjectStore(home / "objects")

    def folder(self, generator: str) -> Path:
        """Where loose files of a generator lie; its age changes with every change of its directions."""
        return self._folder / generator

    def sources(self, generator: str) -> Iterator[Source]:
        """The ids there are, and for each what reads its bytes, or raises why they cannot be used."""
        loose = {path.stem: path for path in direction_files(self.folder(generator))}
        for id, row in self._rows(generator).items():
            if id not in loose:
                yield id, lambda row=row: self.objects.read(row.sha256)  # type: ignore[misc]
        for id, path in loose.items():
            yield id, lambda path=path: contents(path)  # type: ignore[misc]

    def keep(self, direction: Direction, strip: bytes | None = None) -> None:
        """Keep a direction with its strip, a JPEG file; both are there at once, in the place of what was."""
        self._put(direction.generator, direction.id, to_bytes(direction), strip)

    def remove(self, generator: str, id: str) -> None:
        """Remove a direction, and its files where nothing else names them."""
        old = self._rows(generator).get(id)
        self._index.remove(KIND, generator, id)
        self._clear(generator, id, old)

    def strip(self, generator: str, id: str) -> Path | None:
        """The picture beside a direction, checked to be whole; None where there is none."""
        loose = self.folder(generator) / f"{id}{SUFFIX}"
        if loose.is_file():
            path = loose.with_suffix(".jpg")
            return path if path.is_file() else None
        row = self._rows(generator).get(id)
        if row is None or row.picture is None:
            return None
        try:
            return self.objects.checked(row.picture)
        except StorageFailed as error:
            log.warning("Left out the strip of %s on %s: %s", id, generator, error)
            return None

    def take_in(self) -> int:
        """Move loose files into the store; how many. Those that hold no direction stay where they are."""
        moved = 0
        for path in sorted(self._folder.glob(f"*/*{SUFFIX}")):
            try:
                data = contents(path)
                direction = from_bytes(data, path.name)
                if direction.id != path.stem or not NAME.fullmatch(path.stem):
                    raise Invalid(f"{path.name} holds a direction called {direction.id}.")
                picture = path.with_suffix(".jpg")
                # Its bytes as they are, not written anew: an older format stays what it was.
                self._put(path.parent.name, path.stem, data, picture.read_bytes() if picture.is_file() else None)
                moved += 1
            except (LatentwalkError, OSError) as error:
                log.warning("%s stays where it is: %s", path, error)
        return moved

    def _put(self, generator: str, id: str, data: bytes, strip: bytes | None) -> None:
        old = self._rows(generator).get(id)
        picture = None if strip is None else self.objects.put(strip)
        self._index.put([IndexRow(KIND, generator, id, self.objects.put(data), len(data), picture)])
        self._clear(generator, id, old)

    def notice(self, generator: str) -> None:
        """Make every process that holds a generator's directions read them again."""
        folder = self.folder(generator)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            now = time.time_ns()  # the kernel's own stamp may be four milliseconds old, and two changes be nearer
            os.utime(folder, ns=(now, now))

    def _clear(self, generator: str, id: str, old: IndexRow | None) -> None:
        # Only now: until the row was there, these files were all there was.
        atomic_files.remove(self.folder(generator) / f"{id}{SUFFIX}")
        atomic_files.remove(self.folder(generator) / f"{id}.jpg")
        if old is not None:
            for sha256 in {old.sha256, old.picture} - {None, *self._index.hashes()}:
                atomic_files.remove(self.objects.path(str(sha256)))
        self.notice(generator)

    def _rows(self, generator: str) -> dict[str, IndexRow]:
        try:
            return self._index.of(KIND, generator)
        except LatentwalkError as error:  # what ships can still be used
            log.warning("Left out the directions learned on %s: %s", generator, error)
            return {}


def direction_files(folder: Path) -> list[Path]:
    """The files of a folder that hold directions; a generator that ships lies beside its own."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.name not in (local.WEIGHTS, ENCODER))


def contents(path: Path) -> bytes:
    """The bytes of a direction file; Invalid where there are too many."""
    if path.stat().st_size > LARGEST_FILE:
        raise Invalid(f"{path.name} is too large to be a direction.")
    return path.read_bytes()
