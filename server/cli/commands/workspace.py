"""`latentwalk workspace`: a whole home as one file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output
from server.cli.options import path_argument


@click.group()
def workspace() -> None:
    """Export or import the contents of the home as one file."""


@workspace.command("export")
@path_argument("file")
def export_workspace(file: Path) -> None:
    """Pack the home into FILE: directions, films, generators, regressors, bookmarks, the ledger and finished jobs.

    A server may be running meanwhile. The key that files are signed with is not packed.
    """
    from latentwalk.progress import finish
    from server.cli import home
    from server.storage import workspace_archive

    opened = home.workspace()
    pack = finish(workspace_archive.pack(opened.settings.home, opened.database, file), output.progress())
    click.echo(f"{file} holds {len(pack.files)} files and {sum(map(len, pack.rows.values()))} rows.")


@workspace.command("import")
@path_argument("file")
@click.option("--replace", is_flag=True, help="Replace other things of the same name.")
def import_workspace(file: Path, replace: bool) -> None:
    """Add the workspace packed in FILE to the home.

    The file is checked completely before anything is written. A running server sees what was added.
    """
    from latentwalk.progress import finish
    from server.cli import home
    from server.storage import workspace_archive

    opened = home.workspace()
    work = workspace_archive.unpack(file, opened.settings.home, opened.database, replace=replace)
    pack = finish(work, output.progress())
    click.echo(f"Added {len(pack.files)} files and {sum(map(len, pack.rows.values()))} rows.")
