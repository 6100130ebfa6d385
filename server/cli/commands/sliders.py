"""`latentwalk sliders`: other programs' directions taken in, and ours given away."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli import output
from server.cli.options import as_json, device, on, path


@click.group()
def sliders() -> None:
    """Take in directions of other programs, or write ours as files."""


@sliders.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@on
@click.option("--space", type=click.Choice(["z", "w"]), help="Where they act; edits' own space unless set.")
@click.option("--count", type=click.IntRange(1, 64), default=6, show_default=True, help="How many, strongest first.")
@device
@as_json
def bring(file: Path, generator: str, space: str | None, count: int, device: str | None, as_json: bool) -> None:
    """Keep the directions in FILE as sliders.

    FILE is one of ours (.safetensors), GANSpace's components (.npz), an InterFaceGAN boundary or SeFa factors (.npy),
    or rosinality's factor.pt. It is read in a jail and never unpickled. What is of another size, or of other weights
    where that can be told, is refused with the reason.
    """
    from server.services import desk

    made = desk.Desk(generator, device).adopt(file, space, count)
    if as_json:
        output.plain({"generator": generator, "directions": made})
    else:
        click.echo(f"Kept {', '.join(made)}.")


@sliders.command("export")
@click.argument("slider")
@on
@path("--out", required=True, metavar="F", help=".safetensors is ours; .npy as InterFaceGAN's, .npz as GANSpace's.")
def give(slider: str, generator: str, out: Path) -> None:
    """Write a slider, by its id, to a file."""
    from server.services import desk

    desk.give(generator, slider, out)
