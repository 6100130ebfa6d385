"""`latentwalk scenes`: pictures rendered by the engine, with the numbers that they were rendered from."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output
from server.cli.options import as_json


@click.command()
@click.option("--count", type=click.IntRange(1, 10_000_000), required=True, metavar="N", help="How many pictures.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Where to.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another data set of the same design."
)
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, metavar="I", help="Begin at scene I.")
@click.option("--size", type=click.IntRange(16, 1024), default=128, show_default=True, metavar="PX", help="The side.")
@as_json
def scenes(count: int, out: Path, seed: int, first: int, size: int, as_json: bool) -> None:
    """Render pictures of twelve toys, with the numbers of each scene, as a data set to train and measure on.

    Pictures lie in a folder for each toy; scenes.jsonl holds camera, light and colours of each, and datasheet.json what
    they were drawn from. Run the same command again to resume, or a larger count to add pictures. A seed other than
    that of the training data gives a held-out set.
    """
    from latentwalk.progress import finish
    from latentwalk.rendering.scenes import data_set

    result = finish(data_set.write(out, count, seed=seed, first=first, size=size), output.progress())
    if as_json:
        output.print_json(result)
    else:
        click.echo(f"{result['folder']} holds {result['pictures']:,} pictures.")
