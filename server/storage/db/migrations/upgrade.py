"""Brings a database to the schema of this program, with Alembic and inside one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from latentwalk.errors import Conflict

REVISIONS = Path(__file__).parent
# Alembic hands its revisions the connection through module globals, so one thread migrates at a time.
_alembic_globals = threading.Lock()


def upgrade(connection: Connection, folder: Path = REVISIONS) -> None:
    """Apply every revision of `folder` that the database lacks, within the transaction that `connection` has begun.

    Raises Conflict when the database is at a revision that this program does not know, since a newer version wrote it,
    or has tables and no revision.
    """
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)

    def missing(current: Any, _: MigrationContext) -> Iterable[MigrationStep]:
        later = scripts.iterate_revisions("head", current)
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(list(later))]

    with _alembic_globals, EnvironmentContext(config, scripts, fn=missing) as environment:
        environment.configure(connection=connection)
        known = {script.revision for script in scripts.walk_revisions()}
        current = set(environment.get_context().get_current_heads())
        if not current and inspect(connection).get_table_names():
            raise Conflict(
                "The database holds tables that this version of Latentwalk did not create.",
                "If a build from before the first release wrote it, move its file out of the home and restart.",
            )
        unknown = current - known
        if unknown:
            raise Conflict(
                f"The database has schema revision {min(unknown)[:40]}; this version of Latentwalk knows revisions up "
                f"to {scripts.get_current_head()}.",
                "Start the newer version that wrote it, or set LATENTWALK_HOME to another folder.",
            )
        environment.run_migrations()
