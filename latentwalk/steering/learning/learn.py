"""Learning a direction that imitates a transform: fit a walk, calibrate its slider and measure its report card."""

from __future__ import annotations

import datetime
from dataclasses import asdict, replace

import torch
from torch.nn.functional import cosine_similarity

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import LinearWalk, Walk
from latentwalk.errors import ModelFailed
from latentwalk.progress import Work, scale_progress
from latentwalk.steering import transforms
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.settings import LARGEST_SEED, LearnSettings, layers_of
from latentwalk.steering.learning.transform_objective import PATH_STEPS, fit
from latentwalk.steering.measuring.calibration import calibrate
from latentwalk.steering.measuring.report_card import measure
from latentwalk.steering.opaque_generator import as_opaque
from models.base import Generator

SIMILARITY_LATENTS = 64  # held-out latents on which two paths are compared


def learn(
    generator: Generator, settings: LearnSettings, id: str | None = None, name: str | None = None,
    resume_state: ResumeState | None = None, created: str = "",
) -> Work[Direction]:  # fmt: skip
    """Learn, calibrate and measure one direction; `generator` may be the reduced-precision one.

    `id` and `name` default to the transform's. A `resume_state` from an interrupted run continues that run and ends
    in the same direction; `created` is the date on it, today by default. Raises ModelFailed if no walk was found.
    """
    generator, transform = as_opaque(generator), transforms.find(settings.transform)
    layers = layers_of(generator, transform, settings)
    resume_state = ResumeState() if resume_state is None else resume_state
    work = fit(generator, transform, settings, resume_state)
    walk = yield from scale_progress(work, 0.0, 0.4 if settings.twin else 0.8)
    seconds = resume_state.seconds
    cosine = None
    if settings.twin:
        other = replace(settings, seed=(settings.seed + 1) % (LARGEST_SEED + 1))
        twin = yield from scale_progress(fit(generator, transform, other, resume_state, "twin_"), 0.4, 0.8)
        cosine = walk_similarity(generator, walk, twin)
    full = PATH_STEPS if walk.kind == "path" else 1.0
    if isinstance(walk, LinearWalk):  # stored as a unit vector; the length becomes the size of a step
        full = float(walk.vector.norm())
        if full == 0:
            raise ModelFailed(f"No walk was found for {transform.title}.", "Use more steps.")
        walk = LinearWalk(walk.vector / full)
    calibration = yield from scale_progress(calibrate(generator, transform, walk, full, layers), 0.8, 0.88)
    direction = Direction(
        id=id or transform.name,
        name=name or transform.title,
        group=transform.group,
        generator=generator.spec.name,
        fingerprint=generator.spec.fingerprint,
        space=generator.spec.space,
        unit=transform.unit,
        walk=walk,
        curve=calibration.curve,
        range=calibration.range,
        track=calibration.track,
        requested_range=transform.limits(generator.spec.resolution),
        method="walk",
        layers=layers,
        seed=settings.seed,
        created=created or datetime.date.today().isoformat(),
        verdict=calibration.verdict,
        note=calibration.note,
        licence=generator.spec.card.licence,
        settings={
            **asdict(settings),
            "full_step": full,
            "norm": "kept at every step" if walk.kind == "path" else "free",
            "objective": "masked multi-scale L2",
            "precision": generator.precision,
            "raw": calibration.raw,
            "seconds": round(seconds, 1),
            "seeds_cosine": cosine,
            "stopped_by": list(calibration.stopped_by),
        },
    )
    card = yield from scale_progress(measure(generator, direction), 0.88, 1.0)
    return replace(direction, card=card)


def walk_similarity(generator: Generator, first: Walk, second: Walk) -> float:
    """The cosine between two walks: of their vectors, or for paths of the displacements that half the limit makes."""
    if isinstance(first, LinearWalk) and isinstance(second, LinearWalk):
        return float(cosine_similarity(first.vector, second.vector, dim=0))
    latents = sample_latents(generator, SIMILARITY_LATENTS, Role.EVALUATE).latents
    cosines = []
    with torch.no_grad():
        for steps in (PATH_STEPS / 2, -PATH_STEPS / 2):
            step = latents.new_full((len(latents),), steps)
            ends = [walk.move(latents, step) - latents for walk in (first, second)]
            cosines.append(cosine_similarity(ends[0], ends[1], dim=1))
    return float(torch.cat(cosines).mean())
