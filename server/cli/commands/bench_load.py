"""`latentwalk bench load`: what many people at once get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from server.cli import output
from server.cli.options import as_json, device

F = TypeVar("F", bound=Callable[..., Any])


def count(name: str, help: str, most: int) -> Callable[[F], F]:
    """An option that says how many, none unless set."""
    return click.option(name, type=click.IntRange(0, most), default=0, metavar="N", help=help)


@click.command()
@click.option("--people", type=click.IntRange(1, 256), default=16, show_default=True, metavar="N")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=20.0, show_default=True, metavar="S")
@count("--slow", "How many of them look at each frame for half a second.", 256)
@count("--silent", "How many more claim to see every frame and read none.", 64)
@count("--storm", "Connections opened and cut off meanwhile.", 5000)
@count("--drops", "How often each loses the connection and comes back.", 20)
@click.option("--generator", default="avatars", show_default=True, metavar="G", help="Name of a generator.")
@click.option("--address", default="", metavar="URL", help="A server that runs; LATENTWALK_TOKEN holds its token.")
@device
@as_json
def load(generator: str, address: str, device: str | None, as_json: bool, **crowd: Any) -> None:
    """Let many people drag sliders at 60 edits a second.

    Says what they got: milliseconds from an edit to its frame, frames a second, how old a picture grows before the
    next, how many edits it is behind, fairness, errors, last edits lost, and how the server grew.
    """
    from server.cli.bench.load_test import LoadTest
    from server.cli.bench.load_test import load as measured
    from server.services import desk

    output.answer(measured(desk.settings(device=device), generator, LoadTest(**crowd), address), as_json)
