"""The `latentwalk` command: one thin function a verb; what is heavy is imported only by the verb that needs it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from latentwalk.errors import LatentwalkError
from server.cli import output
from server.cli.commands.bench_film import film
from server.cli.commands.bench_load import load
from server.cli.commands.import_generator import bring
from server.cli.commands.learn import learn
from server.cli.commands.made import made
from server.cli.commands.pull import pull
from server.cli.commands.regressors import regressors
from server.cli.commands.sliders import sliders
from server.cli.commands.token import token
from server.cli.commands.train import train
from server.cli.commands.workspace import workspace
from server.cli.options import Span, as_json, device, on, path
from server.engine import openmp

F = TypeVar("F", bound=Callable[..., Any])
FILMS = "mp4, webm, gif, png (animated), webp or zip."


class CommandGroup(click.Group):
    """A refused request is one sentence on stderr and exit status 1; wrong usage is click's own 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except LatentwalkError as error:
            output.refuse(str(error), error.hint)
            return context.exit(1)


class NameNumber(click.ParamType[tuple[str, float]]):
    """NAME=NUMBER."""

    name = "NAME=NUMBER"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, float]:
        name, equals, number = str(value).partition("=")
        try:
            if not name or not equals:
                raise ValueError
            return name, float(number)
        except ValueError:
            self.fail(f"“{value}” is not a name, an equals sign and a number", parameter, context)


def options(*declared: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator."""

    def decorate(function: F) -> F:
        for option in reversed(declared):
            function = option(function)
        return function

    return decorate


on_first = click.option("--generator", default="avatars", show_default=True, metavar="G", help="Name of a generator.")
picture = options(
    on,
    click.option("--seed", type=int, metavar="N", help="Which latent to start from."),
    path("--latent", metavar="F", help="Start from a latent that another program wrote: .npz, .npy or .pt."),
    click.option("--class", "classes", type=NameNumber(), multiple=True, help="Weight of a class; repeat to mix."),
    click.option("--set", "amounts", type=NameNumber(), multiple=True, help="Amount of a direction, in its own unit."),
    click.option("--layers", type=Span(), multiple=True, help="Limit a direction to layers A up to B."),
    click.option("--truncation", type=float, default=1.0, show_default=True, metavar="T", help="0 to 2."),
    click.option("--cutoff", type=int, metavar="N", help="Truncate only the first N layers."),
    click.option(
        "--mean",
        type=click.Choice(["own", "class", "all"]),
        default="own",
        show_default=True,
        help="What truncation pulls towards: the mean in the weights, each class's, or that of all.",
    ),
    click.option(
        "--style", "styles", type=Span(), multiple=True, help="SEED=A-B: take these layers from another seed."
    ),
    device,
)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="latentwalk")
def main() -> None:
    """Steer image generators with sliders whose meaning was learned and measured."""
    openmp.set_spin_count()


@main.command()
@click.option("--host", metavar="H", help="Address to listen on; 127.0.0.1 unless set.")
@click.option("--port", type=int, metavar="P", help="Port to listen on; 8000 unless set, 0 picks a free one.")
@device
def serve(**given: Any) -> None:
    """Serve the page."""
    from server import app
    from server.cli import home
    from server.services import desk

    chosen = home.checked_database(desk.checked_address(desk.settings(**given)))
    with contextlib.suppress(KeyboardInterrupt):  # how people stop it
        app.serve(chosen)


@main.command()
@as_json
def generators(as_json: bool) -> None:
    """List the generators, installed and pullable."""
    from server.api import schemas
    from server.services import desk

    library = desk.library()
    found = [schemas.generator(library, name) for name in library.entries()]
    if as_json:
        output.plain({"generators": found})
    else:
        output.generators(found)


@main.command()
@on
@as_json
def directions(generator: str, as_json: bool) -> None:
    """List a generator's directions."""
    from server.api import schemas
    from server.services import desk

    library = desk.library()
    library.spec(generator)
    found = library.directions(generator).values()
    if as_json:
        output.plain({"directions": [schemas.direction(library, direction) for direction in found]})
    else:
        output.directions(found)


@main.command()
@picture
@path("--out", required=True, metavar="F.png", help="png, jpg or webp.")
def render(out: Path, device: str | None, **given: Any) -> None:
    """One picture; a PNG carries its own recipe."""
    from server.services import desk

    edit = _edit(**given)
    desk.Desk(edit.generator, device).render(edit, out)


@main.command()
@click.argument("method", type=click.Choice(["pca", "sefa", "styles"]))
@on
@click.option("--count", type=int, default=6, show_default=True, metavar="N", help="How many, strongest first.")
@path("--out", metavar="DIR", help="Keep them in a folder, not in the library.")
@device
@as_json
def discover(method: Any, generator: str, count: int, out: Path | None, device: str | None, as_json: bool) -> None:
    """Find directions that nobody asked for, and keep them."""
    from server.services import desk

    found = desk.Desk(generator, device).discover(method, count, out, output.progress())
    if as_json:
        output.plain({"generator": generator, "directions": found})
    else:
        click.echo(f"Kept {', '.join(found)}.")


@main.command()
@click.argument("direction")
@on
@device
@as_json
def measure(direction: str, generator: str, device: str | None, as_json: bool) -> None:
    """The report card of a direction.

    DIRECTION is an id in the library, or a .safetensors file.
    """
    from server.services import desk

    output.answer(desk.Desk(generator, device).measure(direction, output.progress()), as_json)


@main.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@path("--out", required=True, metavar="F.mp4", help=FILMS)
@click.option("--format", metavar="F", help="What the ending leaves open: av1 for an .mp4.")
@click.option("--quality", type=click.Choice(["small", "good", "best"]), help="The recipe's own unless set.")
@device
def export(recipe: Path, out: Path, format: str | None, quality: Any, device: str | None) -> None:
    """A film from RECIPE: a JSON file, or a film that was exported before, which carries its own."""
    from server.services import desk, filming

    plan = filming.recipe(recipe, out, format=format, quality=quality)
    desk.Desk(plan.generator, device).film(plan, out, output.progress())


@main.command()
@picture
@click.option("--sweep", required=True, metavar="DIRECTION", help="The slider to move, there and back.")
@click.option("--seconds", type=float, default=4.0, show_default=True, metavar="S")
@click.option("--fps", type=int, default=30, show_default=True, metavar="N", help="Frames a second.")
@click.option("--size", type=int, metavar="PX", help="Longest side; the generator's own unless set.")
@path("--out", required=True, metavar="F.mp4", help=FILMS)
@path("--recipe", "kept", metavar="F.json", help="Write the recipe there too.")
def walk(sweep: str, out: Path, kept: Path | None, device: str | None, **given: Any) -> None:
    """A film along one slider, over its usable range."""
    from server.services import desk, filming

    how = {name: given.pop(name) for name in ("seconds", "fps", "size")}
    edit = _edit(**given)
    plan = desk.sweep(edit, sweep, out, **how)
    desk.Desk(edit.generator, device).film(plan, out, output.progress())
    if kept is not None:
        filming.save_recipe(plan, kept)


@main.group(invoke_without_command=True)
@on_first
@device
@as_json
@click.pass_context
def bench(context: click.Context, generator: str, device: str | None, as_json: bool) -> None:
    """Time a forward pass, an encoding and the live round trip."""
    if context.invoked_subcommand is None:
        from server.cli.bench.microbench import bench
        from server.services import desk

        output.answer(bench(desk.settings(device=device), generator), as_json)


@main.command()
@click.option("--repair", "mend", is_flag=True, help="Mend what is broken in the home first; stop the server for it.")
@as_json
@click.pass_context
def doctor(context: click.Context, mend: bool, as_json: bool) -> None:
    """Check this installation and its home.

    Exit status 1 where something is broken. What --repair cannot use any more it moves to the folder "damaged" in the
    home; it never removes it.
    """
    from server.ops.doctor import examine, repair

    done = repair() if mend else []
    if done and not as_json:
        output.checks(done, True, as_json)
    found = examine()
    healthy = all(check.state != "broken" for check in found)
    output.checks(found, healthy, as_json)
    context.exit(0 if healthy else 1)


def _edit(seed: int | None, latent: Path | None, **given: Any) -> Any:
    if (seed is None) == (latent is None):
        raise click.UsageError("Give a --seed or a --latent, one of the two.")
    from latentwalk.edit import parse
    from server.services import desk

    base = {"seed": seed} if latent is None else desk.latent(latent, given["generator"])
    tables = {name: dict(given.pop(name)) for name in ("classes", "amounts", "layers", "styles")}
    return parse({"base": base, **tables, **given})


bench.add_command(film)
bench.add_command(load)
main.add_command(bring)
main.add_command(learn)
main.add_command(made)
main.add_command(regressors)
main.add_command(pull)
main.add_command(sliders)
main.add_command(token)
main.add_command(train)
main.add_command(workspace)


if __name__ == "__main__":
    main()
