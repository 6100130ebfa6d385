"""Revision 0001: jobs, the library's index, shared states, bookmarks and the provenance ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table. The columns are explained in `server.storage.db.tables`."""
    data = sa.JSON(none_as_null=True)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("request", data),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("eta_s", sa.Float),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("started", sa.String(40)),
        sa.Column("finished", sa.String(40)),
        sa.Column("error", data),
        sa.Column("result", data),
        sa.Column("detail", data),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("mark", sa.Integer, nullable=False),
        sa.Column("stopping", sa.Boolean, nullable=False),
        sa.Column("owner", sa.String(200)),
        sa.Column("lease", sa.Float, nullable=False),
        sa.Column("person", sa.String(80)),
    )
    op.create_index("jobs_by_state", "jobs", ["state"])
    op.create_table(
        "library",
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("generator", sa.String(80), primary_key=True),
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("picture", sa.String(64)),
        sa.Column("kept", sa.String(40), nullable=False),
    )
    op.create_table(
        "states",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
    op.create_table(
        "bookmarks",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("created", sa.String(40), nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created", sa.String(40), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("export", sa.String(40)),
        sa.Column("hashes", data, nullable=False),
    )
    op.create_index("ledger_by_sha256", "ledger", ["sha256"])
