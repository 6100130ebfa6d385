"""A home as the command opens it: its database, and the whole of it as one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from latentwalk.progress import Progress, finish
from server.settings import Settings
from server.storage import workspace_archive
from server.storage.db.database import Database

Show = Callable[[Progress], None]


def database(chosen: Settings) -> Database:
    """The database of the settings."""
    return Database.at(chosen.home, chosen.database)


def checked_database(chosen: Settings) -> Settings:
    """The settings again, where their database can be opened and is not of a newer version."""
    opened = database(chosen)
    with opened.writing():
        pass
    opened.close()
    return chosen


def pack(out: Path, show: Show) -> workspace_archive.Manifest:
    """Write the home of the settings into one file."""
    chosen = Settings.read()
    return finish(workspace_archive.pack(chosen.home, database(chosen), out), show)


def unpack(path: Path, replace: bool, show: Show) -> workspace_archive.Manifest:
    """Take such a file into the home of the settings."""
    chosen = Settings.read()
    return finish(workspace_archive.unpack(path, chosen.home, database(chosen), replace=replace), show)
