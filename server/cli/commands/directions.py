"""`latentwalk directions`, `discover`, `measure` and `sliders`: a generator's directions, without learning new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server.cli import output
from server.cli.options import as_json, device, generator, out_folder, path_argument, path_option


@click.command()
@generator
@as_json
def directions(generator: str, as_json: bool) -> None:
    """List a generator's directions."""
    from server.api import schemas
    from server.cli import home

    library = home.workspace().library
    library.spec(generator)
    directions = library.directions(generator).values()
    if as_json:
        output.print_json({"directions": [schemas.direction(library, direction) for direction in directions]})
    else:
        output.print_directions(directions)


@click.command()
@click.argument("method", type=click.Choice(["pca", "sefa", "styles"]))
@generator
@click.option(
    "--count", type=int, default=6, show_default=True, metavar="N", help="Number of directions, strongest first."
)
@out_folder
@device
@as_json
def discover(method: Any, generator: str, count: int, out: Path | None, device: str | None, as_json: bool) -> None:
    """Discover directions without supervision, and add them to the library."""
    from server.cli import home
    from server.services.directions import discovery

    workspace = home.workspace(device=device)
    loaded = workspace.load_generator(generator)
    request = discovery.DiscoverRequest(generator=generator, method=method, count=count)
    result = home.run(discovery.task(request, loaded, home.direction_sink(workspace, out)))
    print_saved(generator, result["directions"], as_json)


@click.command()
@click.argument("direction")
@generator
@device
@as_json
def measure(direction: str, generator: str, device: str | None, as_json: bool) -> None:
    """Measure a direction on held-out latents, and print its report card.

    DIRECTION is an id in the library, or a .safetensors file.
    """
    from latentwalk.directions.direction_file import SUFFIX, from_bytes
    from latentwalk.progress import finish
    from server.cli import home
    from server.services.directions import measuring

    workspace = home.workspace(device=device)
    loaded = workspace.load_generator(generator)
    if direction.endswith(SUFFIX):
        measured = from_bytes(home.read_file(Path(direction)), Path(direction).name)
    else:
        measured = workspace.library.direction(generator, direction)
    card = finish(measuring.measure(measured, loaded.exact, workspace.regressors), output.progress())
    output.print_figures(card, as_json)


@click.group()
def sliders() -> None:
    """Import directions of other programs, or export ours as files."""


@sliders.command("import")
@path_argument("file")
@generator
@click.option("--space", type=click.Choice(["z", "w"]), help="Latent space of the vectors; that of edits unless set.")
@click.option(
    "--count", type=click.IntRange(1, 64), default=6, show_default=True, help="Number of directions, strongest first."
)
@device
@as_json
def import_sliders(
    file: Path, generator: str, space: str | None, count: int, device: str | None, as_json: bool
) -> None:
    """Import the directions in FILE as sliders.

    FILE is one of ours (.safetensors), GANSpace's components (.npz), an InterFaceGAN boundary or SeFa factors (.npy),
    or rosinality's factor.pt. It is read in the sandbox and never unpickled. Mismatched dimensions are rejected, as
    are factors of other weights where that can be detected; the error names the reason.
    """
    from latentwalk.directions.direction_file import SUFFIX
    from server.cli import home
    from server.services.directions import external_directions
    from server.services.directions.sinks import LibrarySink

    workspace = home.workspace(device=device)
    loaded = workspace.load_generator(generator)
    data = home.read_file(file)
    if file.suffix == SUFFIX:
        print_saved(generator, [workspace.library.adopt(data).id], as_json)
        return
    vectors = external_directions.read(data, file.name, unlocked=workspace.settings.unlocked)
    sink = LibrarySink(workspace.library)
    for direction in external_directions.directions(vectors, loaded.exact, file.name, count, space):
        sink.keep(direction, loaded.exact)
    print_saved(generator, [direction.id for direction in sink.directions], as_json)


@sliders.command("export")
@click.argument("slider")
@generator
@path_option(
    "--out", required=True, metavar="F", help=".safetensors is ours; .npy as InterFaceGAN's, .npz as GANSpace's."
)
def export_slider(slider: str, generator: str, out: Path) -> None:
    """Write a slider, by its id, to a file."""
    from models import atomic_files
    from server.cli import home
    from server.services.directions import external_directions

    direction = home.workspace().library.direction(generator, slider)
    suffix = home.suffix_of(out, ("safetensors", "npy", "npz"))
    atomic_files.write(out, external_directions.exported(direction, suffix))


def print_saved(generator: str, ids: list[str], as_json: bool) -> None:
    """Say which directions were saved."""
    if as_json:
        output.print_json({"generator": generator, "directions": ids})
    else:
        click.echo(f"Saved {', '.join(ids)}.")
