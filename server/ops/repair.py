"""What is wrong with what a home keeps, and how it is mended: nothing that may be of use is thrown away."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
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
from server.storage.learned_directions import KIND
from server.storage.objects import ObjectStore

REPAIR = "Run: latentwalk doctor --repair"
ASIDE = "damaged"  # the folder that what cannot be used any more is moved to


def examine(home: Path, database: Database) -> Iterator[Check]:
    """Every finding: the database, the files that its rows name, the films, and what killed processes left."""
    if not database.exists:
        yield Check("database", "note", "none yet; the first start makes it")
    else:
        unsound = _unsound(database)
        if unsound:
            yield Check("database", "broken", unsound, REPAIR if database.is_file else "See that its server runs.")
            return
        yield Check("database", "fine", f"{database.name} is sound")
    yield from _files(LibraryIndex(database), ObjectStore(home / "objects"))
    yield from _films(FilmArchive(home / "exports"))
    litter = sum(1 for _ in home.rglob(f".*{atomic_files.PART}"))
    if litter:
        yield Check("temporary files", "note", f"{litter} of writes that are under way, or that were cut off")


def repair(home: Path, database: Database) -> Iterator[Check]:
    """Mend what `examine` calls broken; each finding says what was done. Nothing may serve this home meanwhile."""
    if database.is_file and database.exists and _damaged(database):
        yield from _renewed(home, database)
    index, objects = LibraryIndex(database), ObjectStore(home / "objects")
    damaged = {sha256 for sha256 in objects.all() if not _whole(objects, sha256)}
    for sha256 in sorted(damaged):
        yield Check(f"file {sha256[:12]}", "fine", f"moved to {_moved(home, objects.path(sha256))}")
    for row in index.all():
        if not _whole(objects, row.sha256):
            index.remove(row.kind, row.generator, row.name)
            yield Check(f"{row.kind} {row.generator}/{row.name}", "fine", "taken off the shelf: its file is not whole")
        elif row.picture and not _whole(objects, row.picture):
            index.put([IndexRow(row.kind, row.generator, row.name, row.sha256, row.bytes, None, row.kept)])
            yield Check(f"{row.kind} {row.generator}/{row.name}", "fine", "goes on without its picture")
    exports = FilmArchive(home / "exports")
    for check in list(_films(exports)):
        if check.state == "broken":
            place = _moved(home, home / "exports" / check.name.removeprefix("film "))
            yield Check(check.name, "fine", f"moved to {place}; its recipe there makes it again")
    atomic_files.remove_stale(home)
    yield from _found_again(index, objects)
    for sha256 in objects.nobodys(index.hashes()):
        yield Check(f"file {sha256[:12]}", "fine", f"named by nothing; moved to {_moved(home, objects.path(sha256))}")


def _unsound(database: Database) -> str:
    try:
        return database.unsound()
    except LatentwalkError as error:
        return str(error)


def _damaged(database: Database) -> bool:
    # One that is merely newer, or held by somebody, is not to be replaced.
    try:
        return bool(database.unsound())
    except Damaged:
        return True


def _whole(objects: ObjectStore, sha256: str) -> bool:
    try:
        objects.checked(sha256)
    except LatentwalkError:
        return False
    return True


def _files(index: LibraryIndex, objects: ObjectStore) -> Iterator[Check]:
    rows, bad = index.all(), 0
    for row in rows:
        for sha256, what in ((row.sha256, "its file"), (row.picture, "its picture")):
            if sha256 and not _whole(objects, sha256):
                bad += 1
                found = f"{what} is missing or was changed on the disk"
                yield Check(f"{row.kind} {row.generator}/{row.name}", "broken", found, REPAIR)
    if rows and not bad:
        yield Check("kept files", "fine", f"{len(rows)} things are as they were kept")
    if spare := len(objects.nobodys(index.hashes())):
        found = f"{spare} that no row names; --repair looks what they hold"
        yield Check("other files", "note", found, "Are the rows in another database? Set LATENTWALK_DATABASE to it.")


def _films(exports: FilmArchive) -> Iterator[Check]:
    every = exports.all()
    for export in every:
        try:
            exports.checked(str(export["id"]))
        except LatentwalkError as error:
            yield Check(f"film {export['id']}", "broken", str(error), error.hint)
    if every:
        yield Check("films", "fine", f"{len(every)} were compared with their SHA-256")


def _moved(home: Path, path: Path) -> Path:
    place = home / ASIDE / f"{path.name}-{time.time_ns():x}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, place)
    except OSError as error:
        raise atomic_files.storage_error(path, error) from error
    return place


def _renewed(home: Path, database: Database) -> Iterator[Check]:
    # A new database with the rows that can still be read of the old one.
    assert database.path is not None
    database.close()
    old = _moved(home, database.path)
    for ending in ("-wal", "-shm"):
        beside = database.path.with_name(database.path.name + ending)
        if beside.exists():
            os.rename(beside, old.with_name(old.name + ending))  # what belongs together stays together
    saved = _salvaged(old, database)
    yield Check("database", "fine", f"made anew with {saved} rows of the old one, which is {old}")


def _found_again(index: LibraryIndex, objects: ObjectStore) -> Iterator[Check]:
    # Directions among the files that no row names, for places that are empty: their rows were lost, or are elsewhere.
    rows = index.all()
    named, there = index.hashes(), {(row.kind, row.generator, row.name) for row in rows}
    found: dict[tuple[str, str, str], tuple[float, IndexRow]] = {}
    for sha256 in objects.all():
        path = objects.path(sha256)
        if sha256 in named or path.stat().st_size > LARGEST_FILE:
            continue
        with contextlib.suppress(LatentwalkError):
            data = objects.read(sha256)
            direction = from_bytes(data)
            row = IndexRow(KIND, direction.generator, direction.id, sha256, len(data))
            key, age = (row.kind, row.generator, row.name), path.stat().st_mtime
            if key not in there and age > found.get(key, (0.0, row))[0]:  # the newest of those that had the place
                found[key] = age, row
    if found:
        index.put([row for _, row in found.values()])
        yield Check("library", "fine", f"{len(found)} directions were found again among the files")


def _salvaged(old: Path, database: Database) -> int:
    count = 0
    with contextlib.closing(sqlite3.connect(old)) as source:
        source.row_factory = sqlite3.Row
        for table in METADATA.sorted_tables:
            with contextlib.suppress(sqlite3.Error):
                for row in source.execute(f'SELECT * FROM "{table.name}"'):  # until a page cannot be read
                    values = {name: row[name] for name in row.keys() if name in table.c}  # noqa: SIM118 - not a dict
                    for column in table.c:
                        if "JSON" in str(column.type) and isinstance(values.get(column.name), str):
                            values[column.name] = json.loads(values[column.name])
                    with contextlib.suppress(LatentwalkError, ValueError), database.writing() as connection:
                        connection.execute(insert(table).values(values))
                        count += 1
    return count
