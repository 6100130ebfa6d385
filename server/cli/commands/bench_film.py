"""`latentwalk bench film`: what an export costs beyond its parts."""

from __future__ import annotations

import click

from server.cli import output


@click.command()
@click.option("--generator", default="avatars", show_default=True, metavar="G", help="Name of a generator.")
@click.option("--frames", type=click.IntRange(6, 6000), default=300, show_default=True, metavar="N")
@click.option("--device", metavar="D", help="auto, cpu or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def film(generator: str, frames: int, device: str | None, as_json: bool) -> None:
    """Time an export against its forward passes and its encoder alone."""
    from server.cli.bench.film_bench import bench
    from server.services import desk

    output.answer(bench(desk.settings(device=device), generator, frames), as_json)
