"""`latentwalk learn`: a direction for a transform, or from a regressor's score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server.cli import output
from server.cli.options import as_json, device, on, path, span_of


@click.command()
@click.argument("transform", required=False)
@click.option("--regressor", metavar="R", help="Learn from a score instead; see `latentwalk regressors list`.")
@on
@click.option("--id", metavar="ID", help="What to call it; the transform's or the regressor's name unless set.")
@click.option("--walk", type=click.Choice(["linear", "path"]), help="For a transform; linear unless set.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N")
@click.option("--steps", type=int, metavar="N", help="Most steps of learning; 400 for a transform, 150 for a score.")
@click.option("--batch", type=int, default=16, show_default=True, metavar="N", help="Pictures a step.")
@click.option("--warm-start", type=click.Choice(["zero", "closed_form"]), help="For a transform; zero unless set.")
@click.option(
    "--layers", metavar="L", help="For a transform: all, A-B, or auto, early for geometry and late for colour."
)
@click.option("--twin", is_flag=True, help="Learn from the next seed too and report the cosine between both.")
@click.option("--reach", type=float, metavar="X", help="For a score: how far it should go, in score units.")
@click.option("--per-class", is_flag=True, help="For a score: a vector for each class.")
@click.option("--samples", type=int, metavar="N", help="For a score: pictures that are scored before learning.")
@click.option("--hold", multiple=True, metavar="ID", help="For a score: keep it off this direction; repeat for more.")
@click.option("--judge", metavar="R", help="For a score: a second regressor that re-scores the slider.")
@path("--out", metavar="DIR", help="Keep it in a folder, not in the library.")
@device
@as_json
def learn(
    transform: str | None, regressor: str | None, generator: str, id: str | None, out: Path | None,
    device: str | None, as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Learn a direction for a TRANSFORM, or from the score of a --regressor.

    It is calibrated, measured on held-out latents, and kept with its strip.
    """
    if (transform is None) == (regressor is None):
        raise click.UsageError("Name a transform or a --regressor, one of the two.")
    of_transforms, of_scores = ("walk", "warm_start", "layers"), ("reach", "per_class", "samples", "hold", "judge")
    for name in of_scores if regressor is None else of_transforms:
        if given[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is not for {'transforms' if transform else 'scores'}.")
    from server.services import desk

    at = desk.Desk(generator, device)
    if transform is not None:
        from latentwalk.steering.learning.settings import LearnSettings

        how = {name: value for name, value in given.items() if name not in of_scores and value is not None}
        how["layers"] = _layers(how.get("layers", "auto"))
        made = at.learn(LearnSettings(transform, **how), id, out, output.progress())
    else:
        from latentwalk.steering.scores.settings import ScoreSettings

        second = given.pop("judge")
        how = {name: value for name, value in given.items() if name not in of_transforms and value is not None}
        if "samples" in how:  # with a gradient or without, it starts from so many scores
            how["warm"] = how["samples"]
        made = at.learn_score(ScoreSettings(str(regressor), **how), second, id, out, output.progress())
    output.answer(dict(made.card or {}), as_json)
    if not as_json:
        click.echo(f"{made.name} is {made.verdict}. {made.note}")


def _layers(text: str) -> Any:
    found = text if text in ("auto", "all") else span_of(text)
    if found is None:
        raise click.UsageError("--layers is auto, all, or layers such as 4-8.")
    return found
