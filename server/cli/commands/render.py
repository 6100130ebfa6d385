"""`latentwalk render`: one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from server.cli.edit_options import check_base, edit_options, parse_edit
from server.cli.options import path_option


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
