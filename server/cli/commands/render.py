"""`latentwalk render` and `latentwalk grid`: one image, and one edit with several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from server.cli import output
from server.cli.edit_options import check_base, edit_options, parse_edit
from server.cli.options import SeedList, as_json, path_option


@click.command()
@edit_options
@path_option("--out", required=True, metavar="F.png", help="png, jpg or webp.")
def render(out: Path, device: str | None, seed: int | None, latent: Path | None, **fields: Any) -> None:
    """Render one image. The file carries its recipe."""
    check_base(seed, latent)
    from latentwalk.rendering.image_codec import MEDIA_TYPES, Format
    from server.cli import home
    from server.services.stills import save_still

    workspace = home.workspace(device=device)
    edit = parse_edit(workspace, seed, latent, **fields)
    loaded = workspace.load_generator(edit.generator)
    format = cast(Format, home.suffix_of(out, MEDIA_TYPES))
    save_still(edit, loaded, workspace.signer, out, format)


@click.command()
@click.option(
    "--seeds", type=SeedList(), required=True, metavar="A-B,C", help="Seeds and ranges of seeds, such as 1-9."
)
@click.option("--columns", type=click.IntRange(1, 64), metavar="N", help="By default as many as rows.")
@edit_options
@path_option("--out", required=True, metavar="F.png", help="A PNG.")
@as_json
def grid(
    seeds: list[int], columns: int | None, out: Path, as_json: bool, device: str | None, seed: int | None,
    latent: Path | None, **fields: Any,
) -> None:  # fmt: skip
    """Render one edit with several seeds, as a sheet with the seed below each image."""
    if seed is not None or latent is not None:
        raise click.UsageError("Give --seeds instead of --seed or --latent.")
    from models import atomic_files
    from server.cli import home
    from server.services import sheets

    workspace = home.workspace(device=device)
    edits = sheets.of_seeds(parse_edit(workspace, 0, None, **fields), seeds)
    home.suffix_of(out, ("png",))
    data = sheets.draw_grid(edits, workspace.load_generator(edits[0].generator), columns)
    atomic_files.write(out, data)
    output.print_figures({"file": str(out), "generator": edits[0].generator, "seeds": seeds}, as_json)
