"""A ledger in an SQLite file of its own."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from latentwalk.errors import StorageFailed
from latentwalk.provenance.ledger import MOST_MATCHES, LedgerEntry, LedgerMatch, closest
from latentwalk.provenance.perceptual_hash import BYTES
from models import atomic_files

SCHEMA = """
CREATE TABLE IF NOT EXISTS made (
  id INTEGER PRIMARY KEY, created TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, format TEXT NOT NULL,
  title TEXT NOT NULL, kind TEXT NOT NULL, recipe TEXT NOT NULL, export TEXT);
CREATE INDEX IF NOT EXISTS made_sha256 ON made (sha256);
CREATE TABLE IF NOT EXISTS looks (made INTEGER NOT NULL REFERENCES made (id), look BLOB NOT NULL);
"""
COLUMNS = "created, sha256, bytes, format, title, kind, recipe, export"


class LedgerFile:
    """The ledger at `path`. Any thread and any process may write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, entry: LedgerEntry, hashes: Sequence[int]) -> None:
        """Add an entry with the perceptual hashes of some of the file's images."""
        row = (
            entry.created, entry.sha256, entry.bytes, entry.format, entry.title, entry.kind, entry.recipe, entry.export,
        )  # fmt: skip
        with self._open() as database, database:
            id = database.execute(f"INSERT INTO made ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            blobs = [(id, hash.to_bytes(BYTES)) for hash in set(hashes)]
            database.executemany("INSERT INTO looks (made, look) VALUES (?, ?)", blobs)

    def find(self, sha256: str, hashes: Sequence[int]) -> list[LedgerMatch]:
        """The entries of exactly this file, else those that look like it; see `Ledger.find`."""
        with self._open() as database:
            query = f"SELECT {COLUMNS} FROM made WHERE sha256 = ? ORDER BY id DESC LIMIT {MOST_MATCHES}"
            exact = [LedgerMatch(LedgerEntry(*row), 0) for row in database.execute(query, (sha256,))]
            if exact or not hashes:
                return exact
            rows = database.execute("SELECT made, look FROM looks").fetchall()
            known = [(id, int.from_bytes(blob)) for id, blob in rows if len(blob) == BYTES]
            query = f"SELECT {COLUMNS} FROM made WHERE id = ?"
            return [
                LedgerMatch(LedgerEntry(*database.execute(query, (id,)).fetchone()), distance)
                for id, distance in closest(hashes, known)
            ]

    def all(self) -> list[tuple[LedgerEntry, list[int]]]:
        """Every entry with its hashes, oldest first."""
        if not self._path.is_file():
            return []
        with self._open() as database:
            hashes: dict[int, list[int]] = {}
            for id, blob in database.execute("SELECT made, look FROM looks"):
                hashes.setdefault(id, []).append(int.from_bytes(blob))
            rows = database.execute(f"SELECT id, {COLUMNS} FROM made ORDER BY id")
            return [(LedgerEntry(*row), sorted(hashes.get(id, []))) for id, *row in rows]

    def merge(self, entries: Sequence[tuple[LedgerEntry, list[int]]]) -> None:
        """Add those entries of another ledger that this one does not have."""
        known = {(entry.sha256, entry.created) for entry, _ in self.all()}
        for entry, hashes in entries:
            if (entry.sha256, entry.created) not in known:
                self.note(entry, hashes)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database:
                database.executescript(SCHEMA)
                yield database
        except sqlite3.Error as error:
            raise StorageFailed(f"The ledger cannot be used: {error}.", "Check the disk and try again.") from error
        except OSError as error:
            raise atomic_files.storage_error(self._path, error) from error
