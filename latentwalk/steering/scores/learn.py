"""A slider from a score, from first look to report card, as work cut into small chunks."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from torch.nn.functional import cosine_similarity

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import ArcWalk, LinearWalk, Walk
from latentwalk.directions.unit import Unit
from latentwalk.errors import ModelFailed
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.steering.learning.resume_state import ResumeState, Saved
from latentwalk.steering.opaque_generator import as_opaque
from latentwalk.steering.scores.calibration import calibrate
from latentwalk.steering.scores.distillation import REFINING, distill, warm_start
from latentwalk.steering.scores.gradient_fit import RATE, blank, fit
from latentwalk.steering.scores.held_leakage import held_leakage
from latentwalk.steering.scores.report_card import RegressorSet, measure
from latentwalk.steering.scores.scoring import APART, ROUGH, decimals_of, quickest, reach_of, spread
from latentwalk.steering.scores.settings import ScoreSettings
from models.base import Generator
from models.regressors.protocol import Regressor

GROUP = "attributes"
METHOD = "score"


def learn(
    generator: Generator, panel: RegressorSet, settings: ScoreSettings, id: str, name: str,
    held: Sequence[Direction] = (), about: Mapping[str, Any] | None = None,
    memory: ResumeState | None = None, created: str = "",
) -> Work[Direction]:  # fmt: skip
    """Learn, calibrate and measure one direction; `generator` may be the fast twin.

    Through the judge's gradient where it has one, else through a student's. `about` goes into the direction's
    settings: what a sensitive scorer's owner wrote. With a `memory` that another sitting filled it goes on from there,
    to the same direction; `created` is its date.
    """
    memory = ResumeState() if memory is None else memory
    generator = as_opaque(generator)
    judge = _chosen(generator, panel.judge, memory, "judge")
    panel = replace(panel, judge=judge)
    yield Progress(0.0, "Looking at what the judge says")
    mean, deviation = yield from scale_progress(spread(generator, judge), 0.0, 0.03)
    reach = settings.reach or reach_of(deviation)
    unit = Unit("score", decimals=decimals_of(reach))
    walk, student = yield from scale_progress(
        _found(generator, panel, settings, reach, held, memory, ""), 0.03, 0.4 if settings.twin else 0.7
    )
    cosine = None
    if settings.twin:
        other = replace(settings, seed=(settings.seed + 1) % 2**32)
        second, _ = yield from scale_progress(_found(generator, panel, other, reach, held, memory, "twin_"), 0.4, 0.7)
        cosine = round(float(cosine_similarity(walk.vectors, second.vectors, dim=1).mean()), 4)
    seconds = memory.seconds
    finished, full = _unit_length(walk, judge.spec.title)
    measured = yield from scale_progress(calibrate(generator, judge, finished, full, reach, unit), 0.7, 0.82)
    direction = Direction(
        id=id,
        name=name,
        group=GROUP,
        generator=generator.spec.name,
        fingerprint=generator.spec.fingerprint,
        space=generator.spec.space,
        unit=unit,
        walk=finished,
        curve=measured.curve,
        range=measured.range,
        track=measured.track,
        requested_range=(-reach, reach),
        method=METHOD,
        seed=settings.seed,
        created=created or datetime.date.today().isoformat(),
        verdict=measured.verdict,
        note=measured.note,
        licence=f"Generator: {generator.spec.card.licence}. Judge: {judge.spec.card.licence}",
        settings={
            **{key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()},
            "regressor": judge.spec.name,
            "regressor_title": judge.spec.title,
            "regressor_kind": judge.spec.kind,
            "regressor_fingerprint": judge.spec.fingerprint,
            "reach": reach,
            "population": [mean, deviation],
            "full_step": full,
            "norm": "kept for each latent" if walk.keeps_norm else "free",
            "objective": _objective(generator, student),
            "precision": generator.precision,
            "judge_precision": getattr(judge, "precision", "fp32"),
            "raw": measured.raw,
            "seconds": round(seconds, 1),
            "seeds_cosine": cosine,
            "stopped_by": list(measured.stopped_by),
            "student": student,
            **(about or {}),
        },
    )
    card = yield from scale_progress(measure(generator, direction, panel), 0.82, 0.98)
    if held:
        card["held"] = yield from scale_progress(held_leakage(generator, direction, held), 0.98, 1.0)
    yield Progress(1.0, "Measured")
    return replace(direction, card=card)


def _found(
    generator: Generator, panel: RegressorSet, settings: ScoreSettings, reach: float, held: Sequence[Direction],
    memory: ResumeState, stage: str,
) -> Work[tuple[ArcWalk, dict[str, Any] | None]]:  # fmt: skip
    if not generator.differentiable:  # it runs in a jail: the line fitted to scores is all there is
        many = replace(settings, warm=settings.samples)
        return (yield from warm_start(generator, panel.judge, many, reach, held)), None
    if panel.judge.spec.differentiable:
        quick = _chosen(generator, panel.judge, memory, f"{stage}rough", ROUGH)
        start, share, rate = blank(generator, settings), 0.0, RATE
        if settings.warm:
            share, rate = 0.25, RATE * REFINING
            known = memory.get(f"{stage}start")
            if known is None:
                start = yield from scale_progress(warm_start(generator, quick, settings, reach, held), 0.0, share)
                known = Saved({"vectors": start.vectors.detach().clone()})
                told = "The line to start from is found"
                yield Progress(share, told, remember=functools.partial(memory.put, f"{stage}start", known))
            start = replace(start, vectors=known.tensors["vectors"].to(generator.device))
        work = fit(generator, quick, settings, reach, start, held, rate, memory, stage)
        return (yield from scale_progress(work, share, 1.0)), None
    return (yield from distill(generator, panel.judge, settings, reach, held, memory, stage))


def _chosen(generator: Generator, judge: Regressor, memory: ResumeState, stage: str, apart: float = APART) -> Regressor:
    # Which twin is quicker is for the clock to say, once: who goes on must go on with the same one.
    at: Callable[[str], Regressor] | None = getattr(judge, "at", None)
    if at is None:
        return judge
    found: list[Regressor] = []

    def precision() -> str:
        found.append(quickest(generator, judge, apart))
        return "fp32" if found[0] is judge else "bf16"

    wanted = memory.fact(stage, precision)
    return found[0] if found else judge if wanted == "fp32" else at(wanted)


def _objective(generator: Generator, student: object) -> str:
    if not generator.differentiable:
        return "ridge regression of scores"
    return "GANalyze" if student is None else "GANalyze through a student"


def _unit_length(walk: ArcWalk, title: str) -> tuple[Walk, float]:
    # Direction and length are kept apart: vectors of mean length one, and steps in latent units.
    full = float(walk.vectors.norm(dim=1).mean())
    if full < 1e-9:
        raise ModelFailed(f"{title} taught the walk nothing.", "Ask for more steps or more samples.")
    vectors = walk.vectors / full
    if len(vectors) == 1 and not walk.keeps_norm:
        return LinearWalk(vectors[0].cpu()), full
    return ArcWalk(vectors.cpu(), walk.keeps_norm), full
