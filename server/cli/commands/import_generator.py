"""`latentwalk import`: a stranger's checkpoint, read without running a line of it."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import click

from server.cli import output
from server.cli.options import as_json, texts

PARTS = {
    "licence": "What it may be used for, where the file does not say.",
    "data": "What it was trained on.",
    "data-licence": "What that data may be used for.",
    "shows-badly": "Where it fails or misleads.",
}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, metavar="NAME", help="What to call it: small letters, digits, underscores.")
@click.option("--title", default="", metavar="TEXT", help="What people see; made from its name unless set.")
@click.option("--look", "only_look", is_flag=True, help="Show the passport and keep nothing.")
@click.option("--yes", is_flag=True, help="Keep it without asking, at a terminal too.")
@texts(PARTS)
@as_json
def bring(file: Path, name: str, title: str, only_look: bool, yes: bool, as_json: bool, **card: str | None) -> None:
    """Import FILE, a checkpoint or a folder with one, as a generator.

    Its format is told by its structure, never by its name: NVIDIA's and TensorFlow's StyleGAN pickles, rosinality's
    and genforce's files, BigGAN-deep, DCGANs, ONNX graphs, and our own safetensors. It is opened in a jail; nothing in
    it is imported or run, but for ONNX, whose graph runs in the jail. What it holds is shown before anything is kept,
    and at a terminal you are asked.
    """
    from server.services import desk

    words = {part: text for part, text in card.items() if text}
    found = desk.look(file, name, datetime.date.today().year, title, words)
    if not as_json:
        output.passport(found.view())
    if not only_look and not yes and not as_json and sys.stdin.isatty():
        only_look = not click.confirm("Keep it?", default=True)
    if not only_look:
        folder = desk.bring(found)
        if not as_json:
            click.echo(f"{found.spec.title} ({name}) can be used now; it lies in {folder}.")
    if as_json:
        output.plain(found.view())
