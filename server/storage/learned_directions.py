"""The directions of a home: rows in the database that name files in the object store, or loose files in a folder."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from latentwalk.directions.direction import NAME, Direction
from latentwalk.directions.direction_file import SUFFIX, from_bytes, to_bytes
from latentwalk.directions.direction_folder import direction_files, read_file
from latentwalk.errors import Invalid, LatentwalkError, StorageFailed
from models import atomic_files
from server.storage.db.database import Database
from server.storage.db.library_index import IndexRow, LibraryIndex
from server.storage.folder_quota import check_room
from server.storage.objects import ObjectStore

KIND = "direction"

log = logging.getLogger(__name__)

Source = tuple[str, Callable[[], bytes]]  # an id, and what reads the file's bytes


class LearnedDirections:
    """The directions in `home`, by generator and id.

    A file that somebody put into `directions`/GENERATOR is used as it is and shadows a stored direction with its id;
    `import_files` moves such files into the store. The folder's modification time tells other processes of changes.
    """

    def __init__(self, home: Path, database: Database | None = None) -> None:
        self._folder = home / "directions"
        self._index = LibraryIndex(database or Database.at(home))
        self.objects = ObjectStore(home / "objects")

    def folder(self, generator: str) -> Path:
        """The folder for loose files; its modification time changes with every change of the generator's directions."""
        return self._folder / generator

    def sources(self, generator: str) -> Iterator[Source]:
        """Every id, with a function that reads its bytes or raises the reason why they cannot be used."""
        loose = {path.stem: path for path in direction_files(self.folder(generator))}
        for id, row in self._rows(generator).items():
            if id not in loose:
                yield id, lambda row=row: self.objects.read(row.sha256)  # type: ignore[misc]
        for id, path in loose.items():
            yield id, lambda path=path: read_file(path)  # type: ignore[misc]

    def keep(self, direction: Direction, strip: bytes | None = None) -> None:
        """Store a direction and its preview strip, a JPEG, in one step; one with the same id is replaced."""
        self._put(direction.generator, direction.id, to_bytes(direction), strip)

    def remove(self, generator: str, id: str) -> None:
        """Delete a direction, and its files unless another row names them."""
        row = self._rows(generator).get(id)
        self._index.remove(KIND, generator, id)
        self._delete_files(generator, id, row)

    def strip(self, generator: str, id: str) -> Path | None:
        """The preview strip of a direction, verified; None when there is none or it is damaged."""
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
            log.warning("Skipped the preview strip of %s on %s: %s", id, generator, error)
            return None

    def import_files(self) -> int:
        """Move loose files into the store and return how many. Files that hold no direction stay where they are."""
        count = 0
        for path in sorted(self._folder.glob(f"*/*{SUFFIX}")):
            try:
                data = read_file(path)
                direction = from_bytes(data, path.name)
                if direction.id != path.stem or not NAME.fullmatch(path.stem):
                    raise Invalid(f"{path.name} holds a direction called {direction.id}.")
                picture = path.with_suffix(".jpg")
                # The bytes are stored unchanged, so that the file's hash stays the same.
                self._put(path.parent.name, path.stem, data, picture.read_bytes() if picture.is_file() else None)
                count += 1
            except (LatentwalkError, OSError) as error:
                log.warning("%s was not imported: %s", path, error)
        return count

    def touch(self, generator: str) -> None:
        """Make every process that cached the generator's directions read them again."""
        folder = self.folder(generator)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            now = time.time_ns()  # the kernel's own timestamp may lag by four milliseconds, which can hide a change
            os.utime(folder, ns=(now, now))

    def _put(self, generator: str, id: str, data: bytes, strip: bytes | None) -> None:
        check_room(self.objects.folder, len(data) + len(strip or b""), "directions")
        replaced = self._rows(generator).get(id)
        picture = None if strip is None else self.objects.put(strip)
        self._index.put([IndexRow(KIND, generator, id, self.objects.put(data), len(data), picture)])
        self._delete_files(generator, id, replaced)

    def _delete_files(self, generator: str, id: str, row: IndexRow | None) -> None:
        # Called after the new row is durable: until then these files are the only copy.
        atomic_files.remove(self.folder(generator) / f"{id}{SUFFIX}")
        atomic_files.remove(self.folder(generator) / f"{id}.jpg")
        if row is not None:
            for sha256 in {row.sha256, row.picture} - {None, *self._index.hashes()}:
                atomic_files.remove(self.objects.path(str(sha256)))
        self.touch(generator)

    def _rows(self, generator: str) -> dict[str, IndexRow]:
        try:
            return self._index.of(KIND, generator)
        except LatentwalkError as error:  # bundled directions stay usable
            log.warning("Skipped the directions that were learned on %s: %s", generator, error)
            return {}
