"""Finds damage in a home and repairs it. Damaged files are moved aside, never deleted."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert

from latentwalk.directions.direction_file import LARGEST_FILE, from_bytes
from latentwalk.errors import Damaged, LatentwalkError
from models import atomic_files
from server.ops.check import Check
from server.storage.db.database import Database
from server.storage.db.library_index import IndexRow, LibraryIndex
from server.storage.db.tables import METADATA
from server.storage.film_archive import FilmArchive
from server.storage.learned_directions import KIND, LearnedDirections
from server.storage.library import Library
from server.storage.objects import ObjectStore
from server.storage.regressors import Regressors

REPAIR = "Run: latentwalk doctor --repair"
DAMAGED_FOLDER = "damaged"  # where repair moves files that are unusable or unreferenced


def examine(home: Path, database: Database) -> Iterator[Check]:
    """Check the database, the files that its rows name, the films, and temporary files of killed processes."""
    if not database.exists:
        yield Check("database", "note", "none yet; the first start creates it")
    else:
        unsound = _unsound(database)
        if unsound:
            yield Check(
                "database", "broken", unsound, REPAIR if database.is_file else "Check that its server is running."
            )
            return
        yield Check("database", "fine", f"{database.name} passed its integrity check")
    yield from _files(LibraryIndex(database), ObjectStore(home / "objects"))
    yield from _films(FilmArchive(home / "exports"))
    yield from _temporary(home)


def repair(home: Path, database: Database) -> Iterator[Check]:
    """Repair what `examine` calls broken; each result says what was done. No server may use the home meanwhile."""
    if database.is_file and database.exists and _damaged(database):
        yield from _rebuild(home, database)
    index, objects = LibraryIndex(database), ObjectStore(home / "objects")
    damaged = {sha256 for sha256 in objects.all() if not objects.is_intact(sha256)}
    for sha256 in sorted(damaged):
        yield Check(f"file {sha256[:12]}", "fine", f"moved to {_move_aside(home, objects.path(sha256))}")
    for row in index.all():
        if not _is_intact(objects, row.sha256):
            index.remove(row.kind, row.generator, row.name)
            yield Check(
                f"{row.kind} {row.generator}/{row.name}", "fine", "removed from the library; its file is damaged"
            )
        elif row.picture and not _is_intact(objects, row.picture):
            index.put([replace(row, picture=None)])
            yield Check(f"{row.kind} {row.generator}/{row.name}", "fine", "continues without its picture")
    exports = FilmArchive(home / "exports")
    for check in list(_films(exports)):
        if check.state == "broken":
            place = _move_aside(home, home / "exports" / check.name.removeprefix("film "))
            yield Check(check.name, "fine", f"moved to {place}; render it again from the recipe there")
    yield from _set_unreadable_aside(home, database)
    for path in atomic_files.remove_stale(home):
        yield Check(f"temporary file {path.name}", "fine", f"removed from {path.parent}")
    for id in exports.sweep(set(_in_progress(exports))):
        yield Check(f"film {id}", "fine", "removed; it was never finished")
    yield from _recover_directions(index, objects)
    for sha256 in objects.unreferenced(index.hashes()):
        place = _move_aside(home, objects.path(sha256))
        yield Check(f"file {sha256[:12]}", "fine", f"not referenced; moved to {place}")


def _unsound(database: Database) -> str:
    try:
        return database.unsound()
    except LatentwalkError as error:
        return str(error)


def _damaged(database: Database) -> bool:
    # A database that is merely newer, or locked by another process, must not be replaced.
    try:
        return bool(database.unsound())
    except Damaged:
        return True


def _is_intact(objects: ObjectStore, sha256: str) -> bool:
    try:
        return objects.is_intact(sha256)
    except Damaged:  # the row does not hold a SHA-256
        return False


def _files(index: LibraryIndex, objects: ObjectStore) -> Iterator[Check]:
    rows, damaged = index.all(), 0
    for row in rows:
        for sha256, what in ((row.sha256, "its file"), (row.picture, "its picture")):
            if sha256 and not _is_intact(objects, sha256):
                damaged += 1
                found = f"{what} is missing or was changed on the disk"
                yield Check(f"{row.kind} {row.generator}/{row.name}", "broken", found, REPAIR)
    if rows and not damaged:
        yield Check("stored files", "fine", f"{len(rows)} items are intact")
    if unreferenced := len(objects.unreferenced(index.hashes())):
        found = f"{unreferenced} that no row names; --repair recovers directions among them"
        yield Check("other files", "note", found, "If the rows are in another database, set LATENTWALK_DATABASE to it.")


def _films(exports: FilmArchive) -> Iterator[Check]:
    films = exports.all()
    for export in films:
        try:
            exports.checked(str(export["id"]))
        except LatentwalkError as error:
            yield Check(f"film {export['id']}", "broken", str(error), error.hint)
    if films:
        yield Check("films", "fine", f"{len(films)} were compared with their SHA-256")


def _set_unreadable_aside(home: Path, database: Database) -> Iterator[Check]:
    # Entries whose files are as they were written, but which no server of this version would have accepted.
    learned, index = LearnedDirections(home, database), LibraryIndex(database)
    for row in index.all():
        if row.kind == KIND and _is_intact(learned.objects, row.sha256):
            try:
                from_bytes(learned.objects.read(row.sha256))
            except LatentwalkError as error:
                index.remove(row.kind, row.generator, row.name)  # its file is moved with those that no row names
                learned.touch(row.generator)
                yield Check(f"direction {row.generator}/{row.name}", "fine", f"removed from the library: {error}")
    generators, regressors = Library(home, database=database).damaged_generators(), Regressors(home).damaged()
    for kind, names in (("generator", generators), ("regressor", regressors)):
        for name in names:
            place = _move_aside(home, home / f"{kind}s" / name)
            yield Check(f"{kind} {name}", "fine", f"moved to {place}")


def _temporary(home: Path) -> Iterator[Check]:
    paths, exports = atomic_files.temporaries(home), FilmArchive(home / "exports")
    current = set(_in_progress(exports))
    paths += [home / "exports" / id for id in exports.unfinished()]
    stale = [path for path in paths if path.name not in current and atomic_files.is_stale(path)]
    if stale:
        names = ", ".join(path.name[:60] for path in stale[:5])
        found = f"{len(stale)} left by processes that were killed ({names}{', ...' if len(stale) > 5 else ''})"
        yield Check("left over files", "note", found, REPAIR)
    if len(paths) > len(stale):
        found = f"{len(paths) - len(stale)}, of writes in progress or interrupted"
        yield Check("temporary files", "note", found)


def _in_progress(exports: FilmArchive) -> list[str]:
    # Films that something wrote to recently: another process may be rendering them.
    return [id for id in exports.unfinished() if not atomic_files.is_stale(exports.film(id).parent)]


def _move_aside(home: Path, path: Path) -> Path:
    place = home / DAMAGED_FOLDER / f"{path.name}-{time.time_ns():x}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, place)
    except OSError as error:
        raise atomic_files.storage_error(path, error) from error
    return place


def _rebuild(home: Path, database: Database) -> Iterator[Check]:
    # Create a new database and copy the rows that are still readable in the old one.
    assert database.path is not None
    database.close()
    old = _move_aside(home, database.path)
    for suffix in ("-wal", "-shm"):
        companion = database.path.with_name(database.path.name + suffix)
        if companion.exists():
            os.rename(companion, old.with_name(old.name + suffix))
    count = _copy_readable_rows(old, database)
    yield Check("database", "fine", f"rebuilt with {count} rows of the old one, which is now {old}")


def _recover_directions(index: LibraryIndex, objects: ObjectStore) -> Iterator[Check]:
    # Insert rows for unreferenced files that hold a direction whose key is free: their rows were lost.
    rows = index.all()
    referenced, taken = index.hashes(), {(row.kind, row.generator, row.name) for row in rows}
    newest: dict[tuple[str, str, str], tuple[float, IndexRow]] = {}
    for sha256 in objects.all():
        path = objects.path(sha256)
        if sha256 in referenced or path.stat().st_size > LARGEST_FILE:
            continue
        with contextlib.suppress(LatentwalkError):
            data = objects.read(sha256)
            direction = from_bytes(data)
            row = IndexRow(KIND, direction.generator, direction.id, sha256, len(data))
            key, modified = (row.kind, row.generator, row.name), path.stat().st_mtime
            if key not in taken and modified > newest.get(key, (0.0, row))[0]:
                newest[key] = modified, row
    if newest:
        index.put([row for _, row in newest.values()])
        yield Check("library", "fine", f"{len(newest)} directions were recovered from unreferenced files")


def _copy_readable_rows(old: Path, database: Database) -> int:
    count = 0
    with contextlib.closing(sqlite3.connect(old)) as source:
        source.row_factory = sqlite3.Row
        for table in METADATA.sorted_tables:
            with contextlib.suppress(sqlite3.Error):
                for row in source.execute(f'SELECT * FROM "{table.name}"'):  # raises at the first unreadable page
                    values = {name: row[name] for name in row.keys() if name in table.c}  # noqa: SIM118 - not a dict
                    for column in table.c:
                        if "JSON" in str(column.type) and isinstance(values.get(column.name), str):
                            values[column.name] = json.loads(values[column.name])
                    with contextlib.suppress(LatentwalkError, ValueError), database.writing() as connection:
                        connection.execute(insert(table).values(values))
                        count += 1
    return count
