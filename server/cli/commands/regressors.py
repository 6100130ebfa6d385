"""`latentwalk regressors`: list the judges, add one from a file, and see or fill in its card."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from server.cli import output
from server.cli.options import as_json, texts

F = TypeVar("F", bound=Callable[..., Any])

PARTS = {
    "measures": "What the number means.",
    "data": "What it was learned from.",
    "source": "Where it comes from.",
    "licence": "What it may be used for.",
    "limits": "Where it misleads.",
}


def about(function: F) -> F:
    """The options that fill in a card."""
    function = texts(PARTS)(function)
    reason = "Why you need a score that names what people are; kept with it and with its sliders."
    function = click.option("--reason", metavar="TEXT", help=reason)(function)
    return click.option("--title", metavar="TEXT", help="What people see; made from its name unless set.")(function)


@click.group()
def regressors() -> None:
    """Scorers: anything that looks at a picture and says a number."""


@regressors.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the judges: built in, fetched, uploaded and made from ratings."""
    from server.api.regressor_schemas import regressor as shown
    from server.services import desk

    found = [shown(entry) for entry in desk.regressors().all().values()]
    if as_json:
        output.plain({"regressors": found})
    else:
        output.regressors(found)


@regressors.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, metavar="NAME", help="What to call it: small letters, digits, underscores.")
@click.option("--generator", metavar="G", help="Whose seeds a table of ratings rates, or whose pictures to try it on.")
@click.option("--plan", metavar="JSON", help="How an ONNX model wants its input, where the file does not say.")
@about
@as_json
def add(
    file: Path, name: str, generator: str | None, plan: str | None, title: str | None, reason: str | None,
    as_json: bool, **card: str | None,
) -> None:  # fmt: skip
    """Add a judge from FILE: an ONNX model, or a CSV table of seed and score.

    A model is opened in a jail and tried on pictures; a table is fitted, and refused where it is too short or too
    noisy to learn from.
    """
    from server.api.regressor_schemas import regressor as shown
    from server.services import desk

    words = {part: text for part, text in card.items() if text is not None}
    made = desk.add_regressor(file, name, title, generator, plan, words, reason, output.progress())
    if as_json:
        output.plain(shown(made, whole=True))
    else:
        if made.asks:
            click.echo(f"{made.spec.title} ({name}) was opened. Its file does not tell {', '.join(made.asks)}.")
            click.echo(f"Add it again with --plan JSON to confirm or correct this one: {json.dumps(dict(made.plan))}")
        else:
            click.echo(f"{made.spec.title} ({name}) can score pictures now.")
        if made.missing:
            click.echo(
                f"Its card does not say its {', '.join(made.missing)} yet: latentwalk regressors card {name} --help"
            )


@regressors.command()
@click.argument("name")
@about
@as_json
def card(name: str, title: str | None, reason: str | None, as_json: bool, **parts: str | None) -> None:
    """Show the card of a judge; with options, fill it in."""
    from server.api.regressor_schemas import regressor as shown
    from server.services import desk

    words = {part: text for part, text in parts.items() if text is not None}
    known = desk.regressors()
    changing = words or title is not None or reason is not None
    entry = known.describe(name, title, words, reason) if changing else known.find(name)
    output.answer(shown(entry, whole=True), as_json)
