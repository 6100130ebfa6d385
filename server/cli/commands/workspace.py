"""`latentwalk workspace`: a whole home as one file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output


@click.group()
def workspace() -> None:
    """Everything that was made or brought, as one file."""


@workspace.command("export")
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Pack the home into FILE: sliders, films, generators, judges, bookmarks, the ledger, what jobs came to.

    A server may be running meanwhile. The key that files are signed with is not packed.
    """
    from server.cli import home

    made = home.pack(file, output.progress())
    click.echo(f"{file} holds {len(made.files)} files and {sum(map(len, made.rows.values()))} rows.")


@workspace.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Let it take the place of other things of the same name.")
def import_(file: Path, replace: bool) -> None:
    """Take the workspace packed in FILE into the home, beside what is there.

    It is checked whole before anything is written. A running server sees what came in.
    """
    from server.cli import home

    held = home.unpack(file, replace, output.progress())
    click.echo(f"{len(held.files)} files and {sum(map(len, held.rows.values()))} rows are here now.")
