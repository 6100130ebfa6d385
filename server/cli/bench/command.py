"""`latentwalk bench`: the latency of one user, many users at once, and the cost of a film."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from server.cli import output
from server.cli.options import as_json, default_generator, device

F = TypeVar("F", bound=Callable[..., Any])


@click.group(invoke_without_command=True)
@default_generator
@device
@as_json
@click.pass_context
def bench(context: click.Context, generator: str, device: str | None, as_json: bool) -> None:
    """Time a forward pass, an encoding, and the live round trip."""
    if context.invoked_subcommand is None:
        from server.cli import home
        from server.cli.bench import microbench

        output.print_figures(microbench.bench(home.settings(device=device), generator), as_json)


@bench.command()
@default_generator
@click.option(
    "--frames", type=click.IntRange(6, 6000), default=300, show_default=True, metavar="N", help="Length of the film."
)
@device
@as_json
def film(generator: str, frames: int, device: str | None, as_json: bool) -> None:
    """Time a film export relative to its forward passes and encoder alone."""
    from server.cli import home
    from server.cli.bench import film_bench

    output.print_figures(film_bench.bench(home.settings(device=device), generator, frames), as_json)


def count_option(name: str, help: str, most: int) -> Callable[[F], F]:
    """An option that takes a count, 0 unless set."""
    return click.option(name, type=click.IntRange(0, most), default=0, metavar="N", help=help)


@bench.command()
@click.option(
    "--people", type=click.IntRange(1, 256), default=16, show_default=True, metavar="N", help="Simulated users."
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=20.0, show_default=True, metavar="S", help="Duration."
)
@count_option("--slow", "Number of these users that take half a second for each frame.", 256)
@count_option("--silent", "Additional clients that acknowledge every frame but read none.", 64)
@count_option("--storm", "Connections opened and aborted meanwhile.", 5000)
@count_option("--drops", "How often each user loses the connection and reconnects.", 20)
@default_generator
@click.option("--address", default="", metavar="URL", help="A running server; LATENTWALK_TOKEN holds its token.")
@device
@as_json
def load(generator: str, address: str, device: str | None, as_json: bool, **users: Any) -> None:
    """Simulate many users who drag sliders at 60 edits per second.

    Reports the milliseconds from an edit to its frame, frames per second, the age of a picture when the next one
    comes, how many edits it is behind, fairness, errors, lost last edits, and how the server grew.
    """
    from server.cli import home
    from server.cli.bench import load_test

    settings = home.settings(device=device)
    figures = load_test.load(settings, generator, load_test.LoadTest(**users), address)
    output.print_figures(figures, as_json)
