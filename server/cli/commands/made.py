"""`latentwalk made`: whether a file was made here."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--credential", type=click.Path(path_type=Path), metavar="F.json", help="The credential beside the file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def made(file: Path, credential: Path | None, as_json: bool) -> None:
    """Say whether FILE was made here.

    The ledger knows every picture and film that was made, by digest and by looks; the content credential that the
    file carries is checked too. It proves that the file is unchanged, not who made it.
    """
    from server.services import desk, filming

    beside = None if credential is None else desk.contents(credential)
    answer = filming.made_here(desk.contents(file), desk.press(), beside)
    if as_json:
        output.plain(answer)
        return
    click.echo(answer["sentence"])
    for match in answer["matches"]:
        click.echo(f"  {match['title']}, {match['created'][:19].replace('T', ' ')} UTC")
    click.echo(answer["credential"]["sentence"])
