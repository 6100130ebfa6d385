"""`latentwalk learn`: a direction for a transform, or from a regressor's score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli import output
from server.cli.options import as_json, device, generator, out_folder, parse_layers

if TYPE_CHECKING:
    from server.jobs.task import Task
    from server.services.directions.sinks import DirectionSink
    from server.services.workspace import Workspace

OF_TRANSFORMS = ("walk", "warm_start", "layers")
OF_SCORES = ("reach", "per_class", "samples", "hold", "judge")


@click.command()
@click.argument("transform", required=False)
@click.option("--regressor", metavar="R", help="Learn from a score instead; see `latentwalk regressors list`.")
@generator
@click.option("--id", metavar="ID", help="Its id; the name of the transform or the regressor unless set.")
@click.option("--walk", type=click.Choice(["linear", "path"]), help="For a transform; linear unless set.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Random seed.")
@click.option(
    "--steps", type=int, metavar="N", help="Maximum number of steps; by default 400 for a transform, 150 for a score."
)
@click.option("--batch", type=int, default=16, show_default=True, metavar="N", help="Images per step.")
@click.option("--warm-start", type=click.Choice(["zero", "closed_form"]), help="For a transform; zero unless set.")
@click.option("--layers", metavar="L", help="For a transform: all, A-B, or auto (early for geometry, late for colour).")
@click.option("--twin", is_flag=True, help="Learn from the next seed too, and report the cosine of the two.")
@click.option("--reach", type=float, metavar="X", help="For a score: the change at the end, in score units.")
@click.option("--per-class", is_flag=True, help="For a score: learn one vector for each class.")
@click.option("--samples", type=int, metavar="N", help="For a score: images to score before learning.")
@click.option("--hold", multiple=True, metavar="ID", help="For a score: stay orthogonal to this direction; repeatable.")
@click.option("--judge", metavar="R", help="For a score: a second regressor that re-scores the result.")
@out_folder
@device
@as_json
def learn(
    transform: str | None,
    regressor: str | None,
    generator: str,
    id: str | None,
    out: Path | None,
    device: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Learn a direction for a TRANSFORM, or from the score of a --regressor.

    The direction is calibrated, measured on held-out latents, and kept with a preview strip.
    """
    if (transform is None) == (regressor is None):
        raise click.UsageError("Give either a TRANSFORM or a --regressor.")
    for name in OF_SCORES if regressor is None else OF_TRANSFORMS:
        if options[name]:
            use = "scores, not for transforms" if regressor is None else "transforms, not for scores"
            raise click.UsageError(f"--{name.replace('_', '-')} is for {use}.")
    layers = _layers(options["layers"] or "auto")
    from server.cli import home

    workspace = home.workspace(device=device)
    sink = home.direction_sink(workspace, out)
    if transform is not None:
        task = transform_task(workspace, transform, generator, id, {**options, "layers": layers}, sink)
    else:
        task = score_task(workspace, str(regressor), generator, id, options, sink)
    home.run(task)
    (direction,) = sink.directions
    output.print_figures(dict(direction.card or {}), as_json)
    if not as_json:
        click.echo(f"{direction.name} is {direction.verdict}. {direction.note}")


def transform_task(
    workspace: Workspace, transform: str, generator: str, id: str | None, options: dict[str, Any], sink: DirectionSink
) -> Task:
    """The task of learning for a transform."""
    from latentwalk.rendering import precision
    from latentwalk.steering.learning.settings import LearnSettings
    from server.services.directions import learning
    from server.services.job_request import stamp

    chosen = {name: value for name, value in options.items() if name not in OF_SCORES and value is not None}
    loaded = workspace.load_generator(generator)
    request = learning.request(generator, LearnSettings(transform, **chosen), id)
    return learning.task(stamp(request, precision.choose(loaded.exact).precision), loaded, sink)


def score_task(
    workspace: Workspace, regressor: str, generator: str, id: str | None, options: dict[str, Any], sink: DirectionSink
) -> Task:
    """The task of learning from a regressor's score."""
    from latentwalk.rendering import precision
    from latentwalk.steering.scores.settings import ScoreSettings
    from server.services.directions import regressor_learning
    from server.services.job_request import stamp

    second = options["judge"]
    unused = (*OF_TRANSFORMS, "judge")
    chosen = {name: value for name, value in options.items() if name not in unused and value is not None}
    if "samples" in chosen:  # with a gradient or without one, learning starts from so many scores
        chosen["warm"] = chosen["samples"]
    loaded = workspace.load_generator(generator)
    settings = ScoreSettings(regressor, **chosen)
    request = regressor_learning.ScoreLearnRequest(generator=generator, settings=settings, id=id, second=second)
    stamped = stamp(request, precision.choose(loaded.exact).precision)
    return regressor_learning.task(stamped, loaded, workspace.regressors, sink)


def _layers(text: str) -> Any:
    layers = text if text in ("auto", "all") else parse_layers(text)
    if layers is None:
        raise click.UsageError("--layers is auto, all, or layers such as 4-8.")
    return layers
