"""The response of a generator to a walk: how far it obeys, and the curve that makes a slider linear in effect."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import ModelFailed
from latentwalk.latents.latent_codec import limit_to_layers
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, centre, sample_latents
from latentwalk.steering.measuring.image_statistics import NAMES, image_statistics
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.transforms import Transform
from models.base import Generator

LATENTS = 64
CHUNK = 16
SHARES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)  # of the learned limit, each way
SATURATED = 0.2  # of the first slope: below it, more step buys nothing
DIVERSE = 0.8  # of what the ideal edit leaves: below it, seeds grow alike
SHELL = 5.0  # standard deviations of a latent's length in the prior
DRIFT = 2.0  # standard deviations of a texture attribute beyond what the ideal edit changes
TEXTURE = ("contrast", "saturation", "sharpness")  # what broken pictures lose or gain first
PAST = 1.4  # the track goes on past the limit by this factor
STRONG, PARTIAL = 0.6, 0.2  # shares of the asked span


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured: the curve, the usable range, the track, a verdict and a sentence; `raw` is the
    uncalibrated response, [asked, reached] in the unit, asked as in training. `stopped_by` names what ended each
    side: asked, saturation, diversity, drift, shell or walk (the largest step that was tried).
    """

    curve: Curve
    range: tuple[float, float]
    track: tuple[float, float]
    verdict: str
    note: str
    stopped_by: tuple[str, str]
    raw: list[list[float]]


@dataclass(frozen=True, slots=True)
class _Side:
    # One side of the response: points (coordinate, step), signed, outwards from zero, and what ended it.
    points: list[tuple[float, float]]
    raw: list[tuple[float, float]]
    stopped_by: str


@dataclass(frozen=True, slots=True)
class _Response:
    # What one step did: mean amount reached, diversity beside the ideal edit's, and the largest drift of texture.
    amount: float
    alike: float
    drift: float


def calibrate(
    generator: Generator, transform: Transform, walk: Walk, full: float, layers: tuple[int, int] | None = None
) -> Work[Calibration]:
    """Walk outwards on both sides until the generator stops obeying; `full` is the step that training called the
    transform's limit, and the walk may act on some `layers` only. It stops where the response saturates, seeds grow
    alike or drift from the model's own look, latents leave the prior's shell, or everything asked for is reached.
    """
    unit = transform.unit
    limit = unit.coordinate(transform.limits(generator.spec.resolution)[1])
    drawn = sample_latents(generator, LATENTS, Role.CALIBRATE)
    sides = []
    for index, sign in enumerate((-1, 1)):
        side = yield from _outwards(generator, transform, walk, layers, full * sign, limit, drawn, 0.5 * index)
        sides.append(side)
    low, high = sides
    points = [*reversed(low.points), (0.0, 0.0), *high.points]
    curve = Curve(tuple(point[0] for point in points), tuple(point[1] for point in points))
    ends = (max(points[0][0], -limit), min(points[-1][0], limit))
    share = (ends[1] - ends[0]) / (2 * limit)
    asked = (unit.amount(-limit), unit.amount(limit))
    reach = (_tidy(unit, ends[0]), _tidy(unit, ends[1]))
    return Calibration(
        curve=curve,
        range=reach,
        track=(_tidy(unit, ends[0] * PAST), _tidy(unit, ends[1] * PAST)),
        verdict="strong" if share >= STRONG else "partial" if share >= PARTIAL else "weak",
        note=_note(unit, reach, asked, (low.stopped_by, high.stopped_by)),
        stopped_by=(low.stopped_by, high.stopped_by),
        raw=[[unit.amount(a), unit.amount(r)] for a, r in [*reversed(low.raw), (0.0, 0.0), *high.raw]],
    )


def _outwards(
    generator: Generator, transform: Transform, walk: Walk, layers: tuple[int, int] | None,
    full: float, limit: float, drawn: LatentBatch, done: float,
) -> Work[_Side]:  # fmt: skip
    sign = 1.0 if full > 0 else -1.0
    middle = centre(generator, drawn)
    lengths = (drawn.latents - middle).norm(dim=1)
    shell = float(lengths.mean() + SHELL * lengths.std())
    points: list[tuple[float, float]] = []
    raw: list[tuple[float, float]] = []
    reached, at, first = 0.0, 0.0, 0.0
    stopped_by = "walk"
    for index, share in enumerate(SHARES):
        step = full * share
        moved = walk.move(drawn.latents, lengths.new_full(lengths.shape, step))
        if float((moved - middle).norm(dim=1).mean()) > shell:
            stopped_by = "shell"
            break
        seen = yield from _response(generator, transform, walk, layers, step, drawn, done + 0.5 * index / len(SHARES))
        raw.append((sign * share * limit, seen.amount))
        slope = (sign * seen.amount - reached) / (share - at)
        first = first or slope
        if first <= 0 or slope < SATURATED * first:
            stopped_by = "saturation"
            break
        if seen.alike < DIVERSE or seen.drift > DRIFT:
            stopped_by = "diversity" if seen.alike < DIVERSE else "drift"
            break
        points.append((seen.amount, step))
        reached, at = sign * seen.amount, share
        if reached >= limit:
            stopped_by = "asked"
            break
    if not points:
        raise ModelFailed(
            f"{generator.spec.title} do not obey {transform.title.lower()}: no step of the walk moved them that way.",
            "Its training pictures may hold no such variation; try more steps or another transform.",
        )
    return _Side(points, raw, stopped_by)


def _response(
    generator: Generator, transform: Transform, walk: Walk, layers: tuple[int, int] | None,
    step: float, drawn: LatentBatch, done: float,
) -> Work[_Response]:  # fmt: skip
    reached: list[Tensor] = []
    pictures: dict[str, list[Tensor]] = {"steered": [], "ideal": []}
    traits: dict[str, list[Tensor]] = {"original": [], "steered": [], "ideal": []}
    for chunk in drawn.split(CHUNK):
        with torch.no_grad():
            originals = generator.synthesize(chunk.latents, chunk.classes)
            images = _steered(generator, walk, layers, step, chunk)
            amounts = estimate_amount(originals, images, transform)
            ideal, mask = transform(originals, amounts)
            traits["original"].append(image_statistics(originals, torch.ones_like(mask)))
            traits["steered"].append(image_statistics(images, mask))
            traits["ideal"].append(image_statistics(ideal, mask))
        pictures["steered"].append(images)
        pictures["ideal"].append(ideal)
        reached.append(amounts)
        yield Progress(done, "Measuring how far it obeys")
    spread = {name: torch.cat(images).std(dim=0).mean() for name, images in pictures.items()}
    means = {name: torch.cat(rows).mean(dim=0) for name, rows in traits.items()}
    usual = torch.cat(traits["original"]).std(dim=0).clamp_min(1e-6)
    drifts = ((means["steered"] - means["ideal"]).abs() / usual)[[NAMES.index(name) for name in TEXTURE]]
    return _Response(
        amount=float(torch.cat(reached).mean()),
        alike=float(spread["steered"] / spread["ideal"].clamp_min(1e-6)),
        drift=float(drifts.max()),
    )


def _steered(
    generator: Generator, walk: Walk, layers: tuple[int, int] | None, step: float, chunk: LatentBatch
) -> Tensor:
    moved = walk.move(chunk.latents, chunk.latents.new_full((len(chunk),), step))
    return generator.synthesize(limit_to_layers(chunk.latents, moved, layers, generator.spec.layers), chunk.classes)


def _tidy(unit: Unit, coordinate: float) -> float:
    return round(unit.amount(coordinate), unit.decimals + 2)


def _note(unit: Unit, reach: tuple[float, float], asked: tuple[float, float], stopped_by: tuple[str, str]) -> str:
    if stopped_by == ("asked", "asked"):
        return f"Reaches all of {unit.describe(asked[0])} to {unit.describe(asked[1])}."
    span = f"{unit.describe(reach[0])} to {unit.describe(reach[1])}"
    return f"Reaches {span}; {unit.describe(asked[0])} to {unit.describe(asked[1])} were asked."
