"""`latentwalk made`: whether a file was made here."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output
from server.cli.options import as_json, path_argument, path_option


@click.command("made")
@path_argument("file")
@path_option("--credential", metavar="F.json", help="The credential that lies beside the file.")
@as_json
def check_provenance(file: Path, credential: Path | None, as_json: bool) -> None:
    """Check whether FILE was made here.

    The ledger records every exported image and film by its SHA-256 and its appearance. The content credential that
    the file carries is verified too: it proves that the file is unchanged, not who made it.
    """
    from server.cli import home
    from server.services.provenance import check_file

    sidecar = None if credential is None else home.read_file(credential)
    answer = check_file(home.read_file(file), home.workspace().signer, sidecar)
    if as_json:
        output.print_json(answer)
        return
    click.echo(answer["sentence"])
    for match in answer["matches"]:
        click.echo(f"  {match['title']}, {match['created'][:19].replace('T', ' ')} UTC")
    click.echo(answer["credential"]["sentence"])
