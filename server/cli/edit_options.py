"""The options that describe one image, and the edit that they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.options import NameLayers, NameNumber, combined, device, generator, path_option

if TYPE_CHECKING:
    from latentwalk.edit import Edit
    from server.services.workspace import Workspace

edit_options: Callable[[Any], Any] = combined(
    generator,
    click.option("--seed", type=int, metavar="N", help="Start from the latent of this seed."),
    path_option("--latent", metavar="F", help="Start from a latent in a file of another program: .npz, .npy or .pt."),
    click.option("--class", "classes", type=NameNumber(), multiple=True, help="Weight of a class; repeat to mix."),
    click.option("--set", "amounts", type=NameNumber(), multiple=True, help="Amount of a direction, in its own unit."),
    click.option("--layers", type=NameLayers(), multiple=True, help="Limit a direction to layers A up to B."),
    click.option(
        "--truncation", type=float, default=1.0, show_default=True, metavar="T", help="Truncation, from 0 to 2."
    ),
    click.option("--cutoff", type=int, metavar="N", help="Truncate only the first N layers."),
    click.option(
        "--mean",
        type=click.Choice(["own", "class", "all"]),
        default="own",
        show_default=True,
        help="Mean that truncation pulls towards: the one in the weights, that of each class, or that of all classes.",
    ),
    click.option(
        "--style", "styles", type=NameLayers(), multiple=True, help="SEED=A-B: take these layers from another seed."
    ),
    device,
)


def check_base(seed: int | None, latent: Path | None) -> None:
    """Raise a usage error unless exactly one of the two was given."""
    if (seed is None) == (latent is None):
        raise click.UsageError("Give either --seed or --latent.")


def parse_edit(workspace: Workspace, seed: int | None, latent: Path | None, **fields: Any) -> Edit:
    """The edit that the options describe. Reads the file of `--latent` in the sandbox."""
    from latentwalk.edit import parse
    from server.cli import home
    from server.services.directions import external_directions

    base: dict[str, Any] = {"seed": seed}
    if latent is not None:
        data = home.read_file(latent)
        file = external_directions.read(data, latent.name, unlocked=workspace.settings.unlocked)
        stored = external_directions.base(file, workspace.library.spec(fields["generator"]), latent.name)
        base = stored.model_dump(exclude_none=True, exclude_defaults=True)
    tables = {name: dict(fields.pop(name)) for name in ("classes", "amounts", "layers", "styles")}
    return parse({"base": base, **tables, **fields})
