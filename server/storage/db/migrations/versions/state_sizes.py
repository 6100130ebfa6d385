"""Revision 0002: the size of each shared state and the account that stored it, so that both can be limited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; states of before belong to nobody."""
    with op.batch_alter_table("states") as table:
        table.add_column(sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("account", sa.String(80), nullable=False, server_default=""))
    op.execute(sa.text("UPDATE states SET bytes = length(body)"))
    op.create_index("states_by_account", "states", ["account"])
