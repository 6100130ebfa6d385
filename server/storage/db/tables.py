"""The tables as the program reads and writes them today; `migrations.py` is how a database gets there."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()
DATA = JSON(none_as_null=True)

# One row a job. `request` is what to do, where it can be begun again; `attempts` counts beginnings since the newest
# checkpoint, whose number is `mark`; `owner` is the server that holds the job until `lease`, in seconds of Unix time;
# `stopping` is a person's wish that must outlive the server that was told; `person` is who started it.
JOBS = Table(
    "jobs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("request", DATA),
    Column("progress", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("eta_s", Float),
    Column("created", String(40), nullable=False),
    Column("started", String(40)),
    Column("finished", String(40)),
    Column("error", DATA),
    Column("result", DATA),
    Column("detail", DATA),
    Column("version", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("mark", Integer, nullable=False),
    Column("stopping", Boolean, nullable=False),
    Column("owner", String(200)),
    Column("lease", Float, nullable=False),
    Column("person", String(80)),
    Index("jobs_by_state", "state"),
)

# One row a thing that is kept: its place on the shelves, and the SHA-256 under which its bytes lie. `picture` is that
# of the JPEG beside it, where there is one.
LIBRARY = Table(
    "library",
    METADATA,
    Column("kind", String(20), primary_key=True),
    Column("generator", String(80), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("picture", String(64)),
    Column("kept", String(40), nullable=False),
)

# What people mark to come back to.
BOOKMARKS = Table(
    "bookmarks",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("title", Text, nullable=False),
    Column("state", String(64), nullable=False),
    Column("created", String(40), nullable=False),
)

# What people share: an edit or a timeline in canonical form, named by its hash.
STATES = Table(
    "states",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("body", Text, nullable=False),
    Column("created", String(40), nullable=False),
)
