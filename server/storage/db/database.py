"""The connection to the database, SQLite or PostgreSQL: opened and migrated on first use, with errors for people."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from latentwalk.errors import Damaged, DiskFull, Invalid, StorageFailed, os_reason

FILE = "latentwalk.sqlite"
BUSY_TIMEOUT = 10_000  # ms that a writer waits for another
# The order matters: changing the journal mode may have to wait for another process. FULL, because with WAL NORMAL may
# lose the last commits in a power failure.
PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
CLOSE_TIMEOUT = 10.0  # seconds that closing waits for transactions in other threads
MIGRATION_LOCK = 0x6C617465  # PostgreSQL's advisory lock: servers that start together migrate one after the other
URL_HINT = "Leave it out to use a file in the home folder, or write postgresql://person:password@host/name."


class Database:
    """A database by URL, usable from any thread. It is opened, created and migrated on first use, not before."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise Invalid("The database's address is not a URL.", URL_HINT) from None
        if self._url.get_backend_name() == "postgresql" and self._url.drivername == "postgresql":
            self._url = self._url.set(drivername="postgresql+psycopg")
        if self._url.drivername not in ("sqlite", "postgresql+psycopg"):
            raise Invalid(f"The database driver {self._url.drivername[:40]} is not supported.", URL_HINT)
        self._opening = threading.Lock()
        self._engine: Engine | None = None
        self._idle = threading.Condition()
        self._transactions = 0
        self._shut = False

    @classmethod
    def at(cls, home: Path, url: str = "") -> Database:
        """The database of a home: the one at `url`, or a file in the home."""
        return cls(url or f"sqlite:///{home / FILE}")

    @property
    def name(self) -> str:
        """The URL without its password, for messages."""
        return self._url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database, None for a server."""
        return Path(self._url.database) if self.is_file and self._url.database else None

    @property
    def is_file(self) -> bool:
        """Whether this is SQLite."""
        return self._url.drivername == "sqlite"

    @property
    def exists(self) -> bool:
        """Whether there is anything to read. Readers check it so that they do not create an empty file."""
        return self.path is None or self.path.is_file()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one consistent snapshot."""
        with self._transaction(writing=False) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable once the block ends, and rolled back when the block raises."""
        with self._transaction(writing=True) as connection:
            yield connection

    def close(self) -> None:
        """Close every connection, after the transactions of other threads; the next use opens the database again."""
        with self._idle:
            self._idle.wait_for(lambda: not self._transactions, CLOSE_TIMEOUT)
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def shut(self) -> None:
        """Close for good: what a background thread still asks for is refused instead of opening the database again."""
        self._shut = True
        self.close()

    def unsound(self) -> str:
        """What an integrity check reports, "" when nothing is wrong. For SQLite it reads every page."""
        with self.reading() as connection:
            if not self.is_file:
                connection.execute(text("SELECT 1"))
                return ""
            rows = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
            return "" if rows == ["ok"] else "; ".join(rows)[:300]

    @contextlib.contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        with self._counted(), self._translated_errors(), self._open().connect() as plain:
            connection = plain.execution_options(writing=writing)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            if self._shut:
                raise StorageFailed("The database was closed.", "The server is stopping; try again when it is back.")
            self._transactions += 1
        try:
            yield
        finally:
            with self._idle:
                self._transactions -= 1
                self._idle.notify_all()

    def _open(self) -> Engine:
        from server.storage.db.migrations.upgrade import upgrade  # Alembic takes a while to import

        with self._opening:
            if self._engine is not None:
                return self._engine
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            engine = self._new_engine()
            try:
                with engine.connect() as plain:
                    connection = plain.execution_options(writing=True)
                    with connection.begin():
                        if not self.is_file:
                            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
                        upgrade(connection)
            except BaseException:
                engine.dispose()
                raise
            self._engine = engine
            return engine

    def _new_engine(self) -> Engine:
        try:
            engine = create_engine(self._url, pool_pre_ping=not self.is_file, hide_parameters=True)
        except (ImportError, NoSuchModuleError):
            raise Invalid(
                "PostgreSQL needs the package psycopg, which is not installed.", "pip install 'latentwalk[postgres]'"
            ) from None
        if self.is_file:
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._storage_error(str(error.orig)) from error
        except SQLAlchemyError as error:
            raise self._storage_error(type(error).__name__) from error
        except OSError as error:
            raise StorageFailed(f"{self.name} cannot be opened: {os_reason(error)}.", "Check the disk.") from error

    def _storage_error(self, reason: str) -> StorageFailed:
        lower, first_line = reason.lower(), (reason.strip().splitlines() or [""])[0][:160]
        if "disk is full" in lower or "no space left" in lower or "disk full" in lower:
            return DiskFull("The disk is full: the database could not be written.", "Free some space and try again.")
        if "malformed" in lower or "not a database" in lower or "disk image" in lower:
            return Damaged(f"The database {self.name} is damaged: {first_line}.", "Run: latentwalk doctor --repair")
        if "readonly" in lower or "unable to open" in lower:
            return StorageFailed(f"{self.name} cannot be written.", "Set LATENTWALK_HOME to a folder that is writable.")
        if "locked" in lower:
            return StorageFailed("Another process is holding the database.", "Try again in a moment.")
        return StorageFailed(f"The database could not be used: {first_line}.", "Check the disk or the database server.")


def storable(text: str) -> str:
    """`text` without what PostgreSQL cannot store but JSON can carry: NUL and unpaired surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _configure_sqlite(raw: Any, record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` declares from the start whether a transaction
    # will write, so that two writers wait for each other instead of failing halfway.
    raw.isolation_level = None
    for pragma in PRAGMAS:
        raw.execute(pragma)
    # SQLite ignores pragmas it cannot honour. Without WAL a commit is just as durable and only readers wait; without
    # FULL it is not durable.
    if raw.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise StorageFailed("This build of SQLite does not write durably.", "Use PostgreSQL, or another Python build.")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
