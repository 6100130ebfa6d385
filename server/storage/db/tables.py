"""The tables as the program reads and writes them; `migrations` is how a database comes to have them."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()
DATA = JSON(none_as_null=True)

# One row per job. `request` is the task as JSON, NULL when the job cannot be started again; `attempts` counts starts
# since the newest checkpoint, whose number is `mark`; `owner` is the server that holds the job until `lease`, in
# seconds of Unix time; `stopping` records a cancellation that must survive a restart; `person` started the job.
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

# One row per stored item: its key (`kind`, `generator`, `name`), and the SHA-256 that names its file in the object
# store. `picture` is the SHA-256 of the JPEG shown with it, if there is one; `kept` is when the row was written.
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

# Shared edits and timelines as canonical JSON; the id is derived from the content. `bytes` is the body's size, and
# `account` stored it first; "" for nobody in particular.
STATES = Table(
    "states",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("body", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("account", String(80), nullable=False, server_default=""),
    Index("states_by_account", "account"),
)

# Titles that people gave to shared states.
BOOKMARKS = Table(
    "bookmarks",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("title", Text, nullable=False),
    Column("state", String(64), nullable=False),
    Column("created", String(40), nullable=False),
)

# The provenance ledger: one row per file that was written here. `hashes` is a list of perceptual hashes in hexadecimal;
# `recipe` is canonical JSON; `export` is the id of a film. The fields are those of `LedgerEntry`.
LEDGER = Table(
    "ledger",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("created", String(40), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("format", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("recipe", Text, nullable=False),
    Column("export", String(40)),
    Column("hashes", DATA, nullable=False),
    Index("ledger_by_sha256", "sha256"),
)
