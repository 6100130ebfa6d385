"""The response of a score to a walk: the curve that makes a slider linear in score units, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import ModelFailed
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, centre, sample_latents
from latentwalk.steering.measuring.calibration import DIVERSE, PARTIAL, PAST, SATURATED, STRONG, Calibration
from latentwalk.steering.scores.diversity import spread_of
from latentwalk.steering.scores.factors import round_to
from latentwalk.steering.scores.scoring import CHUNK, scores, steered
from models.base import Generator
from models.regressors.protocol import Regressor

LATENTS = 64
SHARES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # of the learned reach, each way
LONGEST = 2.0  # lengths of a latent: further out along a line, a picture forgets where it began
REASONS = {
    "asked": "all that was asked is reached",
    "saturation": "more step buys no more score",
    "diversity": "seeds would begin to look alike",
    "shell": "latents would leave where the generator was trained",
    "walk": "nothing further was tried",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    # What one step did: the mean change of score, and the diversity beside that of no step.
    change: float
    alike: float


def calibrate(
    generator: Generator, regressor: Regressor, walk: Walk, full: float, reach: float, unit: Unit
) -> Work[Calibration]:
    """Walk outwards on both sides, `full` the step that learning called `reach`, until the judge stops rising, seeds
    grow alike (below 80 % of their diversity at no step) or all that was asked is reached."""
    drawn = sample_latents(generator, LATENTS, Role.CALIBRATE, in_turn=True)
    before: list[Tensor] = []
    pictures = []
    for chunk in drawn.split(CHUNK):
        with torch.no_grad():
            images = generator.synthesize(chunk.latents, chunk.classes)
            before.append(scores(regressor, images))
        pictures.append(images)
        yield Progress(0.0, "Measuring how far the score obeys")
    world = _World(generator, regressor, walk, drawn, before, spread_of(torch.cat(pictures), drawn.classes))
    del pictures
    sides = []
    for index, sign in enumerate((-1, 1)):
        sides.append((yield from _outwards(world, full * sign, reach, 0.5 * index)))
    (low, low_raw, low_end), (high, high_raw, high_end) = sides
    points = [*reversed(low), (0.0, 0.0), *high]
    ends = (max(points[0][0], -reach), min(points[-1][0], reach))
    share = (ends[1] - ends[0]) / (2 * reach)
    span = (round(ends[0], unit.decimals + 2), round(ends[1], unit.decimals + 2))
    return Calibration(
        curve=Curve(tuple(point[0] for point in points), tuple(point[1] for point in points)),
        range=span,
        track=(round(span[0] * PAST, unit.decimals + 2), round(span[1] * PAST, unit.decimals + 2)),
        verdict="strong" if share >= STRONG else "partial" if share >= PARTIAL else "weak",
        note=_note(unit, span, reach, (low_end, high_end)),
        stopped_by=(low_end, high_end),
        raw=[[round_to(asked), round_to(reached)] for asked, reached in [*reversed(low_raw), (0.0, 0.0), *high_raw]],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    # What every step is compared with.
    generator: Generator
    regressor: Regressor
    walk: Walk
    drawn: LatentBatch
    before: list[Tensor]
    usual: float

    def look(self, step: float, done: float) -> Work[_Seen]:
        changes, pictures = [], []
        for index, chunk in enumerate(self.drawn.split(CHUNK)):
            with torch.no_grad():
                images = steered(self.generator, self.walk, chunk, step)
                changes.append((scores(self.regressor, images) - self.before[index]).cpu())
            pictures.append(images)
            yield Progress(done, "Measuring how far the score obeys")
        spread = spread_of(torch.cat(pictures), self.drawn.classes)
        return _Seen(float(torch.cat(changes).mean()), spread / max(self.usual, 1e-9))


_Side = tuple[list[tuple[float, float]], list[tuple[float, float]], str]


def _outwards(world: _World, full: float, reach: float, done: float) -> Work[_Side]:
    sign = 1.0 if full > 0 else -1.0
    middle = centre(world.generator, world.drawn)
    longest = LONGEST * float((world.drawn.latents - middle).norm(dim=1).mean())
    points: list[tuple[float, float]] = []
    raw: list[tuple[float, float]] = []
    reached, at, first = 0.0, 0.0, 0.0
    end = "walk"
    for index, wished in enumerate(SHARES):
        share, step = wished, full * wished
        if abs(step) > longest:
            end = "shell"
            break
        seen = yield from world.look(step, done + 0.5 * index / len(SHARES))
        if seen.alike < DIVERSE:
            # Halfway to the step that was too far there may still be room.
            end, share, step = "diversity", (share + at) / 2, full * (share + at) / 2
            seen = yield from world.look(step, done + 0.5 * index / len(SHARES))
        raw.append((sign * share * reach, seen.change))
        slope = (sign * seen.change - reached) / (share - at)
        first = first or slope
        if first <= 0 or slope < SATURATED * first:
            end = "saturation"
            break
        if seen.alike < DIVERSE:
            break
        points.append((seen.change, step))
        reached, at = sign * seen.change, share
        if reached >= reach:
            end = "asked"
        if end != "walk":
            break
    if not points:
        raise ModelFailed(
            f"{world.generator.spec.title} do not obey {world.regressor.spec.title}: no step moved its score that way.",
            "What it measures may not vary in these pictures; try more steps, more samples or another generator.",
        )
    return points, raw, end


def _note(unit: Unit, span: tuple[float, float], reach: float, ends: tuple[str, str]) -> str:
    reached = f"{unit.describe(span[0])} to {unit.describe(span[1])}"
    if ends == ("asked", "asked"):
        return f"Reaches all of {reached}."
    reasons = "; ".join(dict.fromkeys(REASONS[end] for end in ends if end != "asked"))
    return f"Reaches {reached} of ±{reach:.{unit.decimals}f} asked: beyond that {reasons}."
