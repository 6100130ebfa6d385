"""What lies on the shelves: one row a kept thing, naming the files that hold it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, delete, insert, select

from server.storage.db.database import Database
from server.storage.db.tables import LIBRARY


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One kept thing: its place (`kind`, `generator`, `name`), the SHA-256 and size of its file, and of a picture."""

    kind: str
    generator: str
    name: str
    sha256: str
    bytes: int
    picture: str | None = None
    kept: str = ""


class LibraryIndex:
    """The rows of the library. Each change is durable when it returns, whole or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, kind: str, generator: str) -> dict[str, IndexRow]:
        """What there is of a kind for a generator, by name."""
        chosen = and_(LIBRARY.c.kind == kind, LIBRARY.c.generator == generator)
        return {row.name: row for row in self._rows(chosen)}

    def all(self) -> list[IndexRow]:
        """Every row."""
        return self._rows()

    def hashes(self) -> set[str]:
        """The SHA-256 of every file that a row names."""
        return {sha256 for row in self.all() for sha256 in (row.sha256, row.picture) if sha256}

    def put(self, rows: Iterable[IndexRow]) -> None:
        """Put things in their places, all of them or none; what was there goes."""
        now = datetime.now(UTC).isoformat()
        with self._database.writing() as connection:
            for row in rows:
                connection.execute(delete(LIBRARY).where(_place(row.kind, row.generator, row.name)))
                connection.execute(insert(LIBRARY).values({**asdict(row), "kept": row.kept or now}))

    def remove(self, kind: str, generator: str, name: str) -> None:
        """Empty a place."""
        if self._database.exists:
            with self._database.writing() as connection:
                connection.execute(delete(LIBRARY).where(_place(kind, generator, name)))

    def _rows(self, *chosen: ColumnElement[bool]) -> list[IndexRow]:
        if not self._database.exists:
            return []
        order = (LIBRARY.c.kind, LIBRARY.c.generator, LIBRARY.c.name)
        with self._database.reading() as connection:
            found = connection.execute(select(LIBRARY).where(*chosen).order_by(*order))
            return [IndexRow(**row) for row in found.mappings()]


def _place(kind: str, generator: str, name: str) -> ColumnElement[bool]:
    return and_(LIBRARY.c.kind == kind, LIBRARY.c.generator == generator, LIBRARY.c.name == name)
