"""`latentwalk generators`, `pull` and `import`: the generators there are, and how new ones come in."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import click

from server.cli import output
from server.cli.options import as_json, path_argument, text_options

CARD_PARTS = {
    "licence": "What it may be used for, where the file does not say.",
    "data": "What it was trained on.",
    "data-licence": "What that data may be used for.",
    "shows-badly": "What it shows badly, or where it misleads.",
}


@click.command()
@as_json
def generators(as_json: bool) -> None:
    """List the generators, installed and available for download."""
    from server.api import schemas
    from server.cli import home

    library = home.workspace().library
    views = [schemas.generator(library, name) for name in library.entries()]
    if as_json:
        output.print_json({"generators": views})
    else:
        output.print_generators(views)


@click.command()
@click.argument("name")
@click.option("--accept-licence", "accepted", is_flag=True, help="Accept the terms that a regressor may come with.")
def pull(name: str, accepted: bool) -> None:
    """Download a generator or a regressor.

    The version is pinned and its hash is checked; it is kept as safetensors. A regressor may come with terms, such as
    non-commercial use only. They are shown, and nothing is downloaded until they are accepted.
    """
    from server.cli import home
    from server.services.generators import downloads

    workspace = home.workspace()
    if downloads.is_regressor(name):
        terms = downloads.regressor_terms(name)
        if terms and not accepted:
            click.echo(terms, err=True)
            accepted = sys.stdin.isatty() and click.confirm("Do you accept these terms?", err=True)
        home.run(downloads.regressor_task(workspace.regressors.folder, name, accepted))
        title = workspace.regressors.find(name).spec.title
    else:
        downloads.check_generator(workspace.library, name)
        home.run(downloads.generator_task(workspace.library, name))
        title = workspace.library.spec(name).title
    click.echo(f"{title} ({name}) is ready to use.")


@click.command("import")
@path_argument("file")
@click.option("--name", required=True, metavar="NAME", help="Its name: lower-case letters, digits and underscores.")
@click.option("--title", default="", metavar="TEXT", help="Its title on the page; by default made from the name.")
@click.option("--look", "preview_only", is_flag=True, help="Show the passport and keep nothing.")
@click.option("--yes", is_flag=True, help="Import it without asking for confirmation.")
@click.option(
    "--range",
    "range_",
    type=click.Choice(["-1..1", "0..1", "0..255"]),
    help="The values of an ONNX graph's images; guessed from four images unless set. Import it again to change it.",
)
@click.option("--classes", type=click.IntRange(2, 10_000), help="How many classes an ONNX graph with labels has.")
@click.option(
    "--input",
    "roles",
    multiple=True,
    metavar="NAME=ROLE",
    help="What an input of an ONNX graph is: z, weights (of classes), label, psi or constant.",
)
@text_options(CARD_PARTS)
@as_json
def import_generator(
    file: Path,
    name: str,
    title: str,
    preview_only: bool,
    yes: bool,
    range_: str | None,
    classes: int | None,
    roles: tuple[str, ...],
    as_json: bool,
    **card: str | None,
) -> None:
    """Import FILE, a checkpoint or a folder with one, as a generator.

    The format is detected from the content, never from the name: StyleGAN pickles of NVIDIA and for TensorFlow, files
    of rosinality and genforce, BigGAN-deep, DCGANs, ONNX graphs, and our own safetensors. The file is read in the
    sandbox, and no code in it is imported or run; an ONNX graph runs in the sandbox too. What it holds is shown before
    anything is kept and, in a terminal, you are asked first.
    """
    from latentwalk.rendering.device import tune_threads
    from server.cli import home
    from server.services.generators import checkpoint_import

    workspace = home.workspace()
    tune_threads()
    preview = checkpoint_import.preview_checkpoint(
        file,
        name,
        datetime.date.today().year,
        title=title,
        card={part: text for part, text in card.items() if text},
        unlocked=workspace.settings.unlocked,
        graph=checkpoint_import.graph_options(
            range_, classes, {name: role for name, _, role in (text.rpartition("=") for text in roles)}
        ),
    )
    if not as_json:
        output.print_passport(preview.view())
    if not preview_only and not yes and not as_json and sys.stdin.isatty():
        preview_only = not click.confirm("Keep it?", default=True)
    if not preview_only:
        folder = checkpoint_import.keep_checkpoint(workspace.library, preview)
        if not as_json:
            click.echo(f"{preview.spec.title} ({name}) is ready to use. It was saved in {folder}.")
    if as_json:
        output.print_json(preview.view())
