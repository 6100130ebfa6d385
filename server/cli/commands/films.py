"""`latentwalk export` and `latentwalk walk`: films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.edit_options import check_base, edit_options, parse_edit
from server.cli.options import device, path_argument, path_option

if TYPE_CHECKING:
    from latentwalk.films.timeline import Timeline
    from server.services.workspace import Workspace

FORMATS = "mp4, webm, gif, png (animated), webp or zip."


@click.command()
@path_argument("recipe")
@path_option("--out", required=True, metavar="F.mp4", help=FORMATS)
@click.option("--format", metavar="F", help="The codec where the suffix leaves a choice: av1 for an .mp4.")
@click.option(
    "--quality", type=click.Choice(["small", "good", "best"]), help="Encoding quality; by default that of the recipe."
)
@device
def export(recipe: Path, out: Path, format: str | None, quality: Any, device: str | None) -> None:
    """Render a film from RECIPE: a JSON file, or an exported film, which carries its recipe."""
    from server.cli import home
    from server.services.films import recipes

    timeline = recipes.timeline_in(home.read_file(recipe), recipe.name)
    timeline = recipes.timeline_for(timeline, out, format=format, quality=quality)
    render_film(home.workspace(device=device), timeline, out)


@click.command()
@edit_options
@click.option("--sweep", required=True, metavar="DIRECTION", help="Direction to move along, there and back.")
@click.option("--seconds", type=float, default=4.0, show_default=True, metavar="S", help="Length of the film.")
@click.option("--fps", type=int, default=30, show_default=True, metavar="N", help="Frames per second.")
@click.option("--size", type=int, metavar="PX", help="Longest side in pixels; by default that of the generator.")
@path_option("--out", required=True, metavar="F.mp4", help=FORMATS)
@path_option("--recipe", metavar="F.json", help="Write the recipe to this file too.")
def walk(
    sweep: str,
    seconds: float,
    fps: int,
    size: int | None,
    out: Path,
    recipe: Path | None,
    device: str | None,
    seed: int | None,
    latent: Path | None,
    **fields: Any,
) -> None:
    """Render a film along one direction, over its usable range and back."""
    check_base(seed, latent)
    from models import atomic_files
    from server.cli import home
    from server.services.films import recipes

    workspace = home.workspace(device=device)
    edit = parse_edit(workspace, seed, latent, **fields)
    direction = workspace.library.direction(edit.generator, sweep)
    timeline = recipes.sweep_timeline(edit, direction, out, seconds=seconds, fps=fps, size=size)
    render_film(workspace, timeline, out)
    if recipe is not None:
        atomic_files.write(recipe, json.dumps(timeline.plain(), indent=2).encode())


def render_film(workspace: Workspace, timeline: Timeline, out: Path) -> None:
    """Render the film of a timeline to `out`, with a progress bar."""
    from server.cli import home
    from server.services.films import walk_file
    from server.services.films.destinations import PathDestination
    from server.services.films.walk import audio_path, check_walk

    walk = check_walk(timeline, workspace.load_generator(timeline.generator))
    audio = audio_path(timeline, workspace.audio_files)
    home.run(walk_file.task(walk, PathDestination(out, timeline.title), workspace.signer, audio=audio))
