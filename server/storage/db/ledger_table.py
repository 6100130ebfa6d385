"""The provenance ledger as a table: every file that was written here, found again by its SHA-256 or its appearance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import RowMapping, insert, select

from latentwalk.provenance.ledger import MOST_MATCHES, LedgerEntry, LedgerMatch, closest
from latentwalk.provenance.perceptual_hash import BYTES
from server.storage.db.database import Database, storable
from server.storage.db.tables import LEDGER

HASH_DIGITS = 2 * BYTES  # hexadecimal digits of a perceptual hash
FIELDS = tuple(column for column in LEDGER.columns if column.name not in ("id", "hashes"))


class LedgerTable:
    """A ledger that only grows: an entry stays when its file is deleted. Any thread and any process may write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, entry: LedgerEntry, hashes: Sequence[int]) -> None:
        """Record a file with the perceptual hashes of some of its pictures. The row is durable when this returns."""
        digits = [f"{value:0{HASH_DIGITS}x}" for value in sorted({*hashes})]
        row = {**asdict(entry), "title": storable(entry.title), "hashes": digits}
        with self._database.writing() as connection:
            connection.execute(insert(LEDGER).values(row))

    def find(self, sha256: str, hashes: Sequence[int]) -> list[LedgerMatch]:
        """The entries of exactly this file, else those that look like it; see `latentwalk.provenance.ledger.Ledger`."""
        if not self._database.exists:
            return []
        return self._identical(sha256) or self._similar(hashes)

    def _identical(self, sha256: str) -> list[LedgerMatch]:
        chosen = select(*FIELDS).where(LEDGER.c.sha256 == sha256).order_by(LEDGER.c.id.desc()).limit(MOST_MATCHES)
        with self._database.reading() as connection:
            return [LedgerMatch(_entry(row), 0) for row in connection.execute(chosen).mappings()]

    def _similar(self, hashes: Sequence[int]) -> list[LedgerMatch]:
        if not hashes:
            return []
        with self._database.reading() as connection:
            rows = connection.execute(select(LEDGER.c.id, LEDGER.c.hashes)).all()
            nearest = dict(closest(hashes, [(id, int(text, 16)) for id, known in rows for text in known]))
            matching = select(LEDGER.c.id, *FIELDS).where(LEDGER.c.id.in_(nearest))
            entries = {row["id"]: _entry(row) for row in connection.execute(matching).mappings()}
        return [LedgerMatch(entries[id], distance) for id, distance in nearest.items()]


def _entry(row: RowMapping) -> LedgerEntry:
    return LedgerEntry(**{column.name: row[column.name] for column in FIELDS})
