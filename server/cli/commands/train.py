"""`latentwalk train`: a generator from images."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output
from server.cli.options import as_json, device, out_folder, path_argument


@click.command()
@path_argument("recipe")
@out_folder
@click.option("--report", is_flag=True, help="Evaluate the result on held-out images.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), metavar="M", help="Stop after M minutes and save."
)
@device
@as_json
@click.pass_context
def train(
    context: click.Context,
    recipe: Path,
    out: Path | None,
    report: bool,
    minutes: float | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Train a generator on images, as described in RECIPE.

    Training can be interrupted at any time; run the same command again to resume. Grids of samples are written to the
    home's folder training/NAME/sheets.
    """
    from latentwalk.progress import finish
    from server.cli import home
    from server.services.generators import training

    try:
        work = training.train(home.workspace(device=device), recipe, out, report=report, minutes=minutes)
        result = finish(work, output.progress())
    except KeyboardInterrupt:
        output.refuse("Stopped; the progress so far is saved.", "Run the same command again to resume.")
        context.exit(1)
    if as_json:
        output.print_json(dict(result))
    else:
        click.echo(f"{result['generator']} is ready to use. It was saved in {result['folder']}.")
