"""`latentwalk regressors`: list them, add one from a file, show and fill in cards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from server.cli import output
from server.cli.options import as_json, combined, path_argument, text_options
from server.cli.plan_options import parse_plan, plan_options

if TYPE_CHECKING:
    from server.storage.regressor_entry import RegressorEntry

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_GENERATOR = "avatars"  # whose images an upload is tried on
CARD_PARTS = {
    "measures": "What the score means.",
    "data": "What it was trained on.",
    "source": "Where it comes from.",
    "licence": "What it may be used for.",
    "limits": "Where it misleads.",
}
card_options: Callable[[Any], Any] = combined(
    click.option("--title", metavar="TEXT", help="Its title on the page; by default made from the name."),
    click.option(
        "--reason",
        metavar="TEXT",
        help="Why you need a score that names what people are; kept with it and with its directions.",
    ),
    text_options(CARD_PARTS),
)


@click.group()
def regressors() -> None:
    """Regressors: models and measures that give an image a score."""


@regressors.command("list")
@as_json
def list_regressors(as_json: bool) -> None:
    """List the regressors: built in, downloaded, uploaded and fitted to ratings."""
    from server.api import regressor_schemas
    from server.cli import home

    views = [regressor_schemas.regressor(entry) for entry in home.workspace().regressors.all().values()]
    if as_json:
        output.print_json({"regressors": views})
    else:
        output.print_regressors(views)


@regressors.command()
@path_argument("file")
@click.option("--name", required=True, metavar="NAME", help="Its name: lower-case letters, digits and underscores.")
@click.option(
    "--generator",
    metavar="G",
    help="The generator whose seeds a table rates, or whose images a model is tried on.",
)
@plan_options
@card_options
@as_json
def add(
    file: Path,
    name: str,
    generator: str | None,
    title: str | None,
    reason: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Add a regressor from FILE: an ONNX model, or a table of seed and score (.csv, .tsv or .txt).

    A model is read in the sandbox and tried on images; the options say how it takes them, where the file does not. A
    regressor is fitted to a table, and rejected where the ratings are too few or too noisy to learn from.
    """
    from latentwalk.steering.scores.ratings_table import SUFFIXES
    from server.api import regressor_schemas

    texts = {part: more[part] for part in CARD_PARTS if more[part] is not None}
    if file.suffix.lower() in SUFFIXES:
        entry = add_ratings(file, name, generator, title, texts, reason)
    else:
        plan = parse_plan(more)
        entry = add_model(file, name, generator or DEFAULT_GENERATOR, plan, more["accept"], title, texts, reason)
    if as_json:
        output.print_json(regressor_schemas.regressor(entry, whole=True))
        return
    _print_state(entry)
    if entry.missing:
        click.echo(
            f"Its card does not say its {', '.join(entry.missing)} yet: latentwalk regressors card {name} --help"
        )


@regressors.command()
@click.argument("name")
@click.option("--generator", metavar="G", help="The generator whose images it is tried on.")
@plan_options
@as_json
def plan(name: str, generator: str | None, as_json: bool, **options: Any) -> None:
    """Show how an uploaded model takes images; with options, correct it.

    The model is tried on images again, and the corrected plan is rejected where its scores make no sense. Only what the
    options name is confirmed, unless --accept confirms the rest.
    """
    from server.api import regressor_schemas
    from server.cli import home
    from server.services.regressors import uploads

    changes = parse_plan(options)
    workspace = home.workspace()
    entry = workspace.regressors.find(name)
    if changes or options["accept"]:
        loaded = workspace.load_generator(generator or DEFAULT_GENERATOR)
        entry = uploads.confirm_plan(workspace.regressors, name, changes, loaded.exact, accept=options["accept"])
    if as_json:
        output.print_json(regressor_schemas.regressor(entry, whole=True))
    else:
        _print_state(entry)
        click.echo(f"Its plan: {json.dumps(dict(entry.plan))}")


@regressors.command()
@click.argument("name")
@card_options
@as_json
def card(name: str, title: str | None, reason: str | None, as_json: bool, **parts: str | None) -> None:
    """Show the card of a regressor; with options, fill it in."""
    from server.api import regressor_schemas
    from server.cli import home

    texts = {part: text for part, text in parts.items() if text is not None}
    regressors = home.workspace().regressors
    changing = texts or title is not None or reason is not None
    entry = regressors.describe(name, title, texts, reason) if changing else regressors.find(name)
    output.print_figures(regressor_schemas.regressor(entry, whole=True), as_json)


def add_ratings(
    file: Path, name: str, generator: str | None, title: str | None, card: dict[str, str], reason: str | None
) -> RegressorEntry:
    """Fit a regressor to a table of ratings."""
    from latentwalk.directions.direction import check_id
    from latentwalk.errors import Invalid
    from latentwalk.steering.scores.ratings_table import read_csv
    from server.cli import home
    from server.services.regressors import ratings

    check_id(name, "regressor")
    if generator is None:
        raise Invalid("A table of ratings does not say whose seeds it rates.", "Add --generator NAME.")
    workspace = home.workspace()
    rows = read_csv(home.read_file(file))
    request = ratings.RatingsRequest.new(generator, name, title, rows, card, reason)
    home.run(ratings.task(request, workspace.load_generator(generator), workspace.regressors))
    return workspace.regressors.find(name)


def add_model(
    file: Path,
    name: str,
    generator: str,
    plan: dict[str, Any],
    accept: bool,
    title: str | None,
    card: dict[str, str],
    reason: str | None,
) -> RegressorEntry:
    """Add an ONNX model, and confirm its input plan where it is known."""
    from server.cli import home
    from server.services.regressors import uploads

    workspace = home.workspace()
    data = home.read_file(file)
    loaded = workspace.load_generator(generator)
    return uploads.add(workspace.regressors, data, name, title, card, reason, plan, loaded.exact, accept=accept)


def _print_state(entry: RegressorEntry) -> None:
    spec, open_parts = entry.spec, [part for part in entry.asks if part != "span"]
    if entry.asks:
        click.echo(f"{spec.title} ({spec.name}) was read. Not confirmed yet: {', '.join(open_parts) or 'its scores'}.")
        click.echo(f"This is what was guessed: {json.dumps({part: entry.plan.get(part) for part in open_parts})}")
        click.echo(
            f"To confirm it: latentwalk regressors plan {spec.name} --accept; to correct it: "
            f"latentwalk regressors plan {spec.name} --help"
        )
    else:
        click.echo(f"{spec.title} ({spec.name}) can score images now.")
    for note in entry.notes:
        click.echo(note)
