"""`latentwalk pull`: a generator or a judge from where it is pinned."""

from __future__ import annotations

import sys

import click

from server.cli import output


@click.command()
@click.argument("name")
@click.option("--accept-licence", "accepted", is_flag=True, help="Accept the terms that a judge may come with.")
def pull(name: str, accepted: bool) -> None:
    """Fetch a generator or a judge: pinned, hashed, and kept as safetensors.

    A judge may come with terms, such as non-commercial use only. They are shown, and nothing is fetched until they are
    accepted.
    """
    from server.services import desk

    terms = desk.terms(name)
    if terms and not accepted:
        click.echo(terms, err=True)
        accepted = sys.stdin.isatty() and click.confirm("Do you accept these terms?", err=True)
    title = desk.pull(name, accepted, output.progress())
    click.echo(f"{title} ({name}) can be used now.")
