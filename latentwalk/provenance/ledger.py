"""The ledger: every file that was made here, by its digest and its looks, so that “did we make this?” has an answer."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentwalk.errors import StorageFailed
from latentwalk.provenance import perceptual_hash as seen
from models import atomic_files

SCHEMA = """
CREATE TABLE IF NOT EXISTS made (
  id INTEGER PRIMARY KEY, created TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, format TEXT NOT NULL,
  title TEXT NOT NULL, kind TEXT NOT NULL, recipe TEXT NOT NULL, export TEXT);
CREATE INDEX IF NOT EXISTS made_sha256 ON made (sha256);
CREATE TABLE IF NOT EXISTS looks (made INTEGER NOT NULL REFERENCES made (id), look BLOB NOT NULL);
"""
COLUMNS = "created, sha256, bytes, format, title, kind, recipe, export"
MOST = 10


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One file that was made: `recipe` is canonical JSON of its kind, "walk" or "edit"; `export` the id of a film."""

    created: str
    sha256: str
    bytes: int
    format: str
    title: str
    kind: str
    recipe: str
    export: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerMatch:
    """An entry that a file may come from, and the bits in which their looks differ; 0 for the file itself."""

    entry: LedgerEntry
    distance: int


class Ledger:
    """A table on disk that only grows. Any thread and any process may write; what is removed stays known."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, entry: LedgerEntry, looks: Sequence[bytes]) -> None:
        """Keep an entry with the looks of some of its pictures."""
        row = (
            entry.created, entry.sha256, entry.bytes, entry.format, entry.title, entry.kind, entry.recipe, entry.export,
        )  # fmt: skip
        with self._open() as table, table:
            made = table.execute(f"INSERT INTO made ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            table.executemany("INSERT INTO looks (made, look) VALUES (?, ?)", [(made, look) for look in set(looks)])

    def all(self) -> list[tuple[LedgerEntry, list[bytes]]]:
        """Every entry with its looks, oldest first."""
        if not self._path.is_file():
            return []
        with self._open() as table:
            looks: dict[int, list[bytes]] = {}
            for made, look in table.execute("SELECT made, look FROM looks"):
                looks.setdefault(made, []).append(look)
            rows = table.execute(f"SELECT id, {COLUMNS} FROM made ORDER BY id")
            return [(LedgerEntry(*row), sorted(looks.get(id, []))) for id, *row in rows]

    def take_in(self, entries: Sequence[tuple[LedgerEntry, list[bytes]]]) -> None:
        """Keep the entries of another ledger that this one does not know."""
        known = {(entry.sha256, entry.created) for entry, _ in self.all()}
        for entry, looks in entries:
            if (entry.sha256, entry.created) not in known:
                self.note(entry, looks)

    def same(self, sha256: str) -> list[LedgerMatch]:
        """The entries of exactly this file, newest first."""
        with self._open() as table:
            query = f"SELECT {COLUMNS} FROM made WHERE sha256 = ? ORDER BY id DESC LIMIT {MOST}"
            return [LedgerMatch(LedgerEntry(*row), 0) for row in table.execute(query, (sha256,))]

    def alike(self, looks: Sequence[bytes], most: int = seen.ALIKE) -> list[LedgerMatch]:
        """The entries with a picture that looks like one of these, the most alike first."""
        if not looks:
            return []
        with self._open() as table:
            rows = table.execute("SELECT made, look FROM looks").fetchall()
            rows = [row for row in rows if len(row[1]) == seen.BYTES]
            best: dict[int, int] = {}
            for (made, _), distance in zip(rows, seen.nearest(looks, (row[1] for row in rows)), strict=True):
                if distance <= most:
                    best[made] = min(best.get(made, most), int(distance))
            chosen = sorted(best, key=lambda made: (best[made], -made))[:MOST]
            query = f"SELECT {COLUMNS} FROM made WHERE id = ?"
            return [LedgerMatch(LedgerEntry(*table.execute(query, (made,)).fetchone()), best[made]) for made in chosen]

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as table:
                table.executescript(SCHEMA)
                yield table
        except sqlite3.Error as error:
            raise StorageFailed(f"The ledger could not be used: {error}.", "Check the disk and try again.") from error
        except OSError as error:
            raise atomic_files.storage_error(self._path, error) from error
