"""Learning a direction from a score: scale, fit, calibration and report card, as work in small chunks."""

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
from latentwalk.steering.learning.resume_state import ResumeState, SavedStage
from latentwalk.steering.learning.settings import LARGEST_SEED
from latentwalk.steering.opaque_generator import as_opaque
from latentwalk.steering.scores.calibration import calibrate
from latentwalk.steering.scores.distillation import REFINING, DistillationFigures, distill
from latentwalk.steering.scores.gradient_fit import RATE, fit, zero_walk
from latentwalk.steering.scores.held_leakage import held_leakage
from latentwalk.steering.scores.linear_fit import fit_start
from latentwalk.steering.scores.report_card import RegressorSet, measure
from latentwalk.steering.scores.scoring import (
    MEASURING_TOLERANCE,
    TRAINING_TOLERANCE,
    decimals_of,
    faster_precision,
    reach_of,
    score_spread,
)
from latentwalk.steering.scores.settings import ScoreSettings
from models.base import Generator
from models.regressors.protocol import Regressor

GROUP = "attributes"
METHOD = "score"


def learn(
    generator: Generator, regressors: RegressorSet, settings: ScoreSettings, id: str, name: str,
    held: Sequence[Direction] = (), about: Mapping[str, Any] | None = None,
    resume_state: ResumeState | None = None, created: str = "",
) -> Work[Direction]:  # fmt: skip
    """Learn, calibrate and measure one direction; `generator` may be the reduced-precision one.

    The regressor's gradient is used if it has one, otherwise that of a student network. The direction is orthogonal to
    those in `held`. `about` is added to its settings, such as the statement of a sensitive regressor's owner. A
    `resume_state` from an interrupted run continues that run and ends in the same direction; `created` is the date on
    it, today by default. Raises Invalid for a constant score and ModelFailed if nothing was found.
    """
    resume_state = ResumeState() if resume_state is None else resume_state
    generator = as_opaque(generator)
    regressor = _faster(generator, regressors.regressor, resume_state, "judge", MEASURING_TOLERANCE)
    regressors = replace(regressors, regressor=regressor)
    yield Progress(0.0, "Measuring the spread of scores")
    mean, deviation = yield from scale_progress(score_spread(generator, regressor), 0.0, 0.03)
    reach = settings.reach or reach_of(deviation)
    unit = Unit("score", decimals=decimals_of(reach))
    work = _fit(generator, regressor, settings, reach, held, resume_state, "")
    walk, figures = yield from scale_progress(work, 0.03, 0.4 if settings.twin else 0.7)
    cosine = None
    if settings.twin:
        other = replace(settings, seed=(settings.seed + 1) % (LARGEST_SEED + 1))
        work = _fit(generator, regressor, other, reach, held, resume_state, "twin_")
        twin, _ = yield from scale_progress(work, 0.4, 0.7)
        cosine = round(float(cosine_similarity(walk.vectors, twin.vectors, dim=1).mean()), 4)
    seconds = resume_state.seconds
    unit_walk, full = _unit_length(walk, regressor.spec.title)
    calibration = yield from scale_progress(calibrate(generator, regressor, unit_walk, full, reach, unit), 0.7, 0.82)
    direction = Direction(
        id=id,
        name=name,
        group=GROUP,
        generator=generator.spec.name,
        fingerprint=generator.spec.fingerprint,
        space=generator.spec.space,
        unit=unit,
        walk=unit_walk,
        curve=calibration.curve,
        range=calibration.range,
        track=calibration.track,
        requested_range=(-reach, reach),
        method=METHOD,
        seed=settings.seed,
        created=created or datetime.date.today().isoformat(),
        verdict=calibration.verdict,
        note=calibration.note,
        licence=f"Generator: {generator.spec.card.licence}. Regressor: {regressor.spec.card.licence}",
        settings={
            **{key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()},
            "regressor": regressor.spec.name,
            "regressor_title": regressor.spec.title,
            "regressor_kind": regressor.spec.kind,
            "regressor_fingerprint": regressor.spec.fingerprint,
            "reach": reach,
            "population": [mean, deviation],
            "full_step": full,
            "norm": "kept for each latent" if walk.keeps_norm else "free",
            "objective": _objective(generator, figures),
            "precision": generator.precision,
            "judge_precision": getattr(regressor, "precision", "fp32"),
            "raw": calibration.raw,
            "seconds": round(seconds, 1),
            "seeds_cosine": cosine,
            "stopped_by": list(calibration.stopped_by),
            "student": None if figures is None else figures.to_json(),
            **(about or {}),
        },
    )
    card = yield from scale_progress(measure(generator, direction, regressors), 0.82, 0.98)
    if held:
        card["held"] = yield from scale_progress(held_leakage(generator, direction, held), 0.98, 1.0)
    yield Progress(1.0, "Measured")
    return replace(direction, card=card)


def _fit(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float, held: Sequence[Direction],
    resume_state: ResumeState, stage: str,
) -> Work[tuple[ArcWalk, DistillationFigures | None]]:  # fmt: skip
    if not generator.differentiable:  # without a gradient, the line fitted to scores is the result
        many = replace(settings, warm=settings.samples)
        return (yield from fit_start(generator, regressor, many, reach, held)), None
    if not regressor.spec.differentiable:
        return (yield from distill(generator, regressor, settings, reach, held, resume_state, stage))
    rough = _faster(generator, regressor, resume_state, f"{stage}rough", TRAINING_TOLERANCE)
    start, share, rate = zero_walk(generator, settings), 0.0, RATE
    if settings.warm:
        share, rate = 0.25, RATE * REFINING
        saved = resume_state.get(f"{stage}start")
        if saved is None:
            start = yield from scale_progress(fit_start(generator, rough, settings, reach, held), 0.0, share)
            saved = SavedStage({"vectors": start.vectors.detach().clone()})
            save = functools.partial(resume_state.put, f"{stage}start", saved)
            yield Progress(share, "Fitted the line to start from", save_checkpoint=save)
        start = replace(start, vectors=saved.tensors["vectors"].to(generator.device))
    work = fit(generator, rough, settings, reach, start, held, rate, resume_state, stage)
    return (yield from scale_progress(work, share, 1.0)), None


def _faster(
    generator: Generator, regressor: Regressor, resume_state: ResumeState, stage: str, tolerance: float
) -> Regressor:
    # Which precision is faster depends on timing, so a resumed run must repeat the decision of the interrupted one.
    at: Callable[[str], Regressor] | None = getattr(regressor, "at", None)
    if at is None:
        return regressor
    chosen: list[Regressor] = []

    def decide() -> str:
        chosen.append(faster_precision(generator, regressor, tolerance))
        return "fp32" if chosen[0] is regressor else "bf16"

    precision = resume_state.decide_once(stage, decide)
    if chosen:
        return chosen[0]
    return regressor if precision == "fp32" else at(precision)


def _objective(generator: Generator, figures: DistillationFigures | None) -> str:
    if not generator.differentiable:
        return "ridge regression of scores"
    return "GANalyze" if figures is None else "GANalyze through a student"


def _unit_length(walk: ArcWalk, title: str) -> tuple[Walk, float]:
    # Stored as vectors of mean length one; the length becomes the size of a step.
    full = float(walk.vectors.norm(dim=1).mean())
    if full < 1e-9:
        raise ModelFailed(f"No walk was found for {title}.", "Use more steps or more samples.")
    vectors = walk.vectors / full
    if len(vectors) == 1 and not walk.keeps_norm:
        return LinearWalk(vectors[0].cpu()), full
    return ArcWalk(vectors.cpu(), walk.keeps_norm), full
