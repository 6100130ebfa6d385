"""The library's index: one row per stored item, naming the files in the object store that hold it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, delete, insert, select

from server.storage.db.database import Database
from server.storage.db.tables import LIBRARY


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One stored item: its key (`kind`, `generator`, `name`), the SHA-256 and size of its file, and of a picture."""

    kind: str
    generator: str
    name: str
    sha256: str
    bytes: int
    picture: str | None = None
    kept: str = ""


class LibraryIndex:
    """The rows of the library. Each change is atomic, and durable when the call returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, kind: str, generator: str) -> dict[str, IndexRow]:
        """The items of one kind that belong to a generator, by name."""
        selected = and_(LIBRARY.c.kind == kind, LIBRARY.c.generator == generator)
        return {row.name: row for row in self._rows(selected)}

    def all(self) -> list[IndexRow]:
        """Every row, ordered by key."""
        return self._rows()

    def hashes(self) -> set[str]:
        """The SHA-256 of every file that a row names."""
        return {sha256 for row in self.all() for sha256 in (row.sha256, row.picture) if sha256}

    def put(self, rows: Iterable[IndexRow]) -> None:
        """Insert rows, all or none; rows with the same key are replaced."""
        now = datetime.now(UTC).isoformat()
        with self._database.writing() as connection:
            for row in rows:
                connection.execute(delete(LIBRARY).where(_key(row.kind, row.generator, row.name)))
                connection.execute(insert(LIBRARY).values({**asdict(row), "kept": row.kept or now}))

    def remove(self, kind: str, generator: str, name: str) -> None:
        """Delete a row, if it exists."""
        if self._database.exists:
            with self._database.writing() as connection:
                connection.execute(delete(LIBRARY).where(_key(kind, generator, name)))

    def _rows(self, *conditions: ColumnElement[bool]) -> list[IndexRow]:
        if not self._database.exists:
            return []
        order = (LIBRARY.c.kind, LIBRARY.c.generator, LIBRARY.c.name)
        with self._database.reading() as connection:
            rows = connection.execute(select(LIBRARY).where(*conditions).order_by(*order))
            return [IndexRow(**row) for row in rows.mappings()]


def _key(kind: str, generator: str, name: str) -> ColumnElement[bool]:
    return and_(LIBRARY.c.kind == kind, LIBRARY.c.generator == generator, LIBRARY.c.name == name)
