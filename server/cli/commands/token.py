"""`latentwalk token`: hand out tokens, look at them, take them back."""

from __future__ import annotations

import click

from server.cli import output
from server.cli.options import as_json


@click.group()
def token() -> None:
    """Who may come in: tokens with a role, kept as hashes."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "editor", "admin"]),
    default="viewer",
    show_default=True,
    help="viewer explores and exports, editor learns and uploads too, admin brings generators in and deletes.",
)
def add(name: str, role: str) -> None:
    """Make a token and print it, this once; a link ends in /?token= and the token."""
    from server.auth.roles import Role
    from server.services import desk

    click.echo(desk.tokens().add(name, Role(role)))


@token.command("list")
@as_json
def show(as_json: bool) -> None:
    """List the tokens; what they are is not kept."""
    from server.services import desk

    rows = [{"name": one.name, "role": str(one.role), "created": one.created} for one in desk.tokens().all().values()]
    if as_json:
        output.plain({"tokens": rows})
    elif rows:
        output.table([("name", "role", "created"), *((row["name"], row["role"], row["created"]) for row in rows)])
    else:
        click.echo("No token was handed out.")


@token.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take a token back: whoever came in with it is out at once."""
    from server.services import desk

    desk.tokens().remove(name)
    click.echo(f"Took {name} back.")
