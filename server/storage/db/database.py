"""One door to the database, SQLite or PostgreSQL: opened when first used, migrated, and its refusals as sentences."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from latentwalk.errors import Damaged, DiskFull, Invalid, StorageFailed
from server.storage.db import migrations

FILE = "latentwalk.sqlite"
PATIENCE = 10_000  # ms that a writer waits for another
# The order matters: changing the journal may have to wait for another process. FULL: with WAL, NORMAL may lose the
# last commits when the power fails, and a commit here is a promise to somebody.
PRAGMAS = (
    f"PRAGMA busy_timeout={PATIENCE}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
LOCK = 0x6C617465  # of PostgreSQL's advisory locks: two servers that start together migrate one after the other


class Database:
    """A database by URL, used from any thread. Nothing is opened, made or migrated before it is needed."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise Invalid("The database's address is not a URL.", HINT) from None
        if self._url.get_backend_name() == "postgresql" and self._url.drivername == "postgresql":
            self._url = self._url.set(drivername="postgresql+psycopg")
        if self._url.drivername not in ("sqlite", "postgresql+psycopg"):
            raise Invalid(f"{self._url.drivername[:40]} is not a database that is known here.", HINT)
        self._opening = threading.Lock()
        self._engine: Engine | None = None

    @classmethod
    def at(cls, home: Path, url: str = "") -> Database:
        """The database of a home: that of the URL, or a file in it."""
        return cls(url or f"sqlite:///{home / FILE}")

    @property
    def name(self) -> str:
        """What it is called where people see it: without its password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self._url.database) if self.is_file and self._url.database else None

    @property
    def is_file(self) -> bool:
        return self._url.drivername == "sqlite"

    @property
    def exists(self) -> bool:
        """Whether there is something to read: a file that was never written holds nothing, and is not made for that."""
        return self.path is None or self.path.is_file()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment."""
        with self._connected(writing=False) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable once this returns, or has left nothing where it raises."""
        with self._connected(writing=True) as connection:
            yield connection

    def close(self) -> None:
        """Let go of every connection; the next use opens it again."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def unsound(self) -> str:
        """What is wrong with the database itself, empty where nothing is; for SQLite every page is read."""
        with self.reading() as connection:
            if not self.is_file:
                connection.execute(text("SELECT 1"))
                return ""
            found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
            return "" if found == ["ok"] else "; ".join(found)[:300]

    @contextlib.contextmanager
    def _connected(self, *, writing: bool) -> Iterator[Connection]:
        with self._told(), self._open().connect() as plain:
            connection = plain.execution_options(writing=writing)
            with connection.begin():
                yield connection

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is not None:
                return self._engine
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                engine = create_engine(self._url, pool_pre_ping=not self.is_file, hide_parameters=True)
            except (ImportError, NoSuchModuleError):
                raise Invalid(
                    "PostgreSQL needs psycopg, which is not here.", "pip install 'latentwalk[postgres]'"
                ) from None
            if self.is_file:
                event.listen(engine, "connect", _prepared)
                event.listen(engine, "begin", _begun)
            try:
                with engine.connect() as plain:
                    connection = plain.execution_options(writing=True)
                    with connection.begin():
                        if not self.is_file:
                            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
                        migrations.upgrade(connection)
            except BaseException:
                engine.dispose()
                raise
            self._engine = engine
            return engine

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._refused(str(error.orig)) from error
        except SQLAlchemyError as error:
            raise self._refused(type(error).__name__) from error
        except OSError as error:
            raise StorageFailed(f"{self.name} cannot be opened: {error.strerror}.", "Check the disk.") from error

    def _refused(self, reason: str) -> StorageFailed:
        low, first = reason.lower(), (reason.strip().splitlines() or [""])[0][:160]
        if "disk is full" in low or "no space left" in low or "disk full" in low:
            return DiskFull("The disk is full: the database could not be written.", "Free some space and try again.")
        if "malformed" in low or "not a database" in low or "disk image" in low:
            return Damaged(f"The database {self.name} is damaged: {first}.", "Run: latentwalk doctor --repair")
        if "readonly" in low or "unable to open" in low:
            return StorageFailed(f"{self.name} cannot be written.", "Set LATENTWALK_HOME to a folder that can.")
        if "locked" in low:
            return StorageFailed("Another process holds the database.", "Try again in a moment.")
        return StorageFailed(f"The database could not be used: {first}.", "Check the disk or the database's server.")


def storable(text: str) -> str:
    """Text as every database can hold it: without NUL, and without halves of a pair, which JSON can bring."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


HINT = "Leave it out for a file in the home, or write postgresql://person:password@host/name."


def _prepared(raw: Any, record: Any) -> None:
    # The driver must not begin transactions by itself: ours say from the start whether they will write, so that two
    # writers wait for each other instead of failing halfway.
    raw.isolation_level = None
    for pragma in PRAGMAS:
        raw.execute(pragma)
    # SQLite ignores what it cannot do. Without WAL a commit is as durable, readers only wait; without FULL it is not.
    if raw.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise StorageFailed("This SQLite does not write durably.", "Use PostgreSQL, or another build of Python.")


def _begun(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
