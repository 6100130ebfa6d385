"""`latentwalk token`: create, list and remove access tokens."""

from __future__ import annotations

import click

from server.cli import output
from server.cli.options import as_json


@click.group()
def token() -> None:
    """Access tokens, each with a role; only their hashes are stored."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "editor", "admin"]),
    default="viewer",
    show_default=True,
    help="A viewer explores and exports, an editor also learns and uploads, an admin also imports and deletes.",
)
def add(name: str, role: str) -> None:
    """Create a token and print it; it cannot be shown again. A sign-in link ends in /?token= and the token."""
    from server.auth.roles import Role
    from server.cli import home

    click.echo(home.tokens().add(name, Role(role)))


@token.command("list")
@as_json
def list_tokens(as_json: bool) -> None:
    """List the names and roles of the tokens; the tokens themselves are not stored."""
    from server.cli import home

    tokens = home.tokens().all().values()
    rows = [{"name": token.name, "role": str(token.role), "created": token.created} for token in tokens]
    if as_json:
        output.print_json({"tokens": rows})
    elif rows:
        output.print_table([("name", "role", "created"), *((row["name"], row["role"], row["created"]) for row in rows)])
    else:
        click.echo("There are no tokens.")


@token.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a token: everyone signed in with it is signed out at once."""
    from server.cli import home

    home.tokens().remove(name)
    click.echo(f"Removed {name}.")
