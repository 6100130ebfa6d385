"""`latentwalk train`: a generator from pictures."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Keep it in a folder, not in the library.")
@click.option("--report", is_flag=True, help="Take every figure of it, beside real pictures held out.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), metavar="M", help="Keep what M minutes taught.")
@click.option("--device", metavar="D", help="auto, cpu or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    """Train a generator on pictures, as RECIPE says.

    It can be stopped at any time: the same command goes on where it was stopped. Sheets of samples lie in the home's
    folder training/NAME/sheets.
    """
    from server.services import desk

    try:
        made = desk.train(recipe, out, device, report, output.progress(), minutes)
    except KeyboardInterrupt:
        output.refuse("Stopped; what was learned is kept.", "The same command goes on from there.")
        context.exit(1)
    if as_json:
        output.plain(dict(made))
    else:
        click.echo(f"{made['generator']} can be used now; it lies in {made['folder']}.")
