"""How a database becomes that of this program: numbered steps, each taken once, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
)

from latentwalk.errors import Conflict

VERSIONS = Table(
    "schema_versions",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", String(80), nullable=False),
    Column("applied", String(40), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the schema. A step that was released is never edited: what it did wrong, the next one mends."""

    number: int
    name: str
    take: Callable[[Connection], None]


def upgrade(connection: Connection, steps: tuple[Step, ...] | None = None) -> list[int]:
    """Take every step that this database lacks, within the caller's transaction; the numbers of those.

    Conflict where the database was made by a newer program, whose tables this one does not know.
    """
    known = STEPS if steps is None else steps
    VERSIONS.create(connection, checkfirst=True)
    at = version(connection)
    if at > known[-1].number:
        raise Conflict(
            f"The database is of version {at}; this program knows {known[-1].number}.",
            "Start the newer Latentwalk that wrote it, or set LATENTWALK_HOME to another folder.",
        )
    taken = []
    for step in known:
        if step.number > at:
            step.take(connection)
            row = {"number": step.number, "name": step.name, "applied": datetime.now(UTC).isoformat()}
            connection.execute(insert(VERSIONS).values(row))
            taken.append(step.number)
    return taken


def version(connection: Connection) -> int:
    """The number of the newest step that was taken; 0 for an empty database."""
    if not inspect(connection).has_table(VERSIONS.name):
        return 0
    return int(connection.execute(select(func.max(VERSIONS.c.number))).scalar() or 0)


def _jobs_and_library(connection: Connection) -> None:
    tables = MetaData()
    data = JSON(none_as_null=True)
    Table(
        "jobs",
        tables,
        Column("id", String(40), primary_key=True),
        Column("kind", String(20), nullable=False),
        Column("title", Text, nullable=False),
        Column("state", String(20), nullable=False),
        Column("request", data),
        Column("progress", Float, nullable=False),
        Column("message", Text, nullable=False),
        Column("eta_s", Float),
        Column("created", String(40), nullable=False),
        Column("started", String(40)),
        Column("finished", String(40)),
        Column("error", data),
        Column("result", data),
        Column("detail", data),
        Column("version", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("mark", Integer, nullable=False),
        Column("stopping", Boolean, nullable=False),
        Column("owner", String(200)),
        Column("lease", Float, nullable=False),
        Index("jobs_by_state", "state"),
    )
    Table(
        "library",
        tables,
        Column("kind", String(20), primary_key=True),
        Column("generator", String(80), primary_key=True),
        Column("name", String(80), primary_key=True),
        Column("sha256", String(64), nullable=False),
        Column("bytes", BigInteger, nullable=False),
        Column("picture", String(64)),
        Column("kept", String(40), nullable=False),
    )
    tables.create_all(connection, checkfirst=False)


def _bookmarks_and_states(connection: Connection) -> None:
    tables = MetaData()
    Table(
        "states",
        tables,
        Column("id", String(64), primary_key=True),
        Column("kind", String(20), nullable=False),
        Column("body", Text, nullable=False),
        Column("created", String(40), nullable=False),
    )
    Table(
        "bookmarks",
        tables,
        Column("id", String(40), primary_key=True),
        Column("title", Text, nullable=False),
        Column("state", String(64), nullable=False),
        Column("created", String(40), nullable=False),
    )
    tables.create_all(connection, checkfirst=False)


def _who_started_a_job(connection: Connection) -> None:
    # Nobody in particular for all that is there already.
    connection.execute(text("ALTER TABLE jobs ADD COLUMN person VARCHAR(80)"))


STEPS = (
    Step(1, "jobs and library", _jobs_and_library),
    Step(2, "bookmarks and shared states", _bookmarks_and_states),
    Step(3, "who started a job", _who_started_a_job),
)
