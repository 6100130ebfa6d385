"""Learning a direction through a score's gradient: A(G(T(z, alpha))) should be A(G(z)) + alpha.

The objective is GANalyze's (Goetschalckx et al. 2019, section 3). What differs from the authors' release, each for a
reason: the length of z is kept for each sample, not for the batch; the vector starts at zero or from a fit, so that
no random start is left in it; gradients are cleared at every step; classes come evenly; a watched, held-out set
chooses the vector that is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction, project_off
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import Role, evenly, sample_latents
from latentwalk.steering.learning.optimizer import CosineAdam, Losses
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.preview_strips import picture_row
from latentwalk.steering.scores.scoring import CHUNK, scores, steered
from latentwalk.steering.scores.settings import ScoreSettings
from models.base import Generator
from models.regressors.protocol import Regressor

WATCHED = 32
EVERY = 15  # steps between looks at the watched set
PATIENCE = 5  # looks without a gain before stopping
GAIN = 0.998
RATE = 0.04  # Adam's, in latent units


def blank(generator: Generator, settings: ScoreSettings) -> ArcWalk:
    """A walk that goes nowhere yet: in z it will keep each latent's length, in w it is straight."""
    space = generator.spec.space
    count = len(generator.spec.classes) if settings.per_class and generator.spec.classes else 1
    return ArcWalk.blank(count, generator.spec.width, keeps_norm=space == "z")


def fit(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float,
    start: ArcWalk, held: Sequence[Direction] = (), rate: float = RATE,
    memory: ResumeState | None = None, stage: str = "",
) -> Work[ArcWalk]:  # fmt: skip
    """The walk whose step 1 stands for a change of `reach`; `regressor` must be differentiable. `start` is kept.

    How far it came is remembered under `stage`fit, and what is remembered there is gone on from.
    """
    memory = ResumeState() if memory is None else memory
    vectors = start.vectors.detach().clone()
    walk = ArcWalk(vectors, start.keeps_norm)
    source = torch.Generator().manual_seed(settings.seed)
    descent = CosineAdam({"vectors": vectors}, rate, settings.steps, source)
    watch = ScoreValidation(generator, regressor, reach)
    if (saved := memory.get(f"{stage}fit")) is not None:
        descent.restore(saved)
    while descent.step < settings.steps and not descent.is_over:
        step = descent.step + 1
        drawn = sample_latents(generator, settings.batch, Role.LEARN, source, in_turn=True)
        shares = (torch.rand(settings.batch, generator=source) * 2 - 1).to(generator.device)
        descent.clear()
        total = 0.0
        for index, chunk in enumerate(drawn.split(CHUNK)):
            share = shares[index * CHUNK : index * CHUNK + len(chunk)]
            with torch.no_grad():
                before = scores(regressor, generator.synthesize(chunk.latents, chunk.classes))
            after = scores(regressor, steered(generator, walk, chunk, share))
            loss = ((after - before) / reach - share).square().sum() / settings.batch
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
            yield progress(step, settings.steps, descent.losses)
        descent.descend(total)
        free(vectors, held, generator)
        if step % EVERY == 0 or step == settings.steps:
            held_out = yield from watch.loss(walk, step, settings.steps, descent.losses)
            descent.looked(held_out, GAIN, PATIENCE)
            told = progress(step, settings.steps, descent.losses, watch.strip(walk))
            yield replace(told, remember=functools.partial(memory.put, f"{stage}fit", descent.saved()))
    return ArcWalk(descent.kept["vectors"], start.keeps_norm)


def free(vectors: Tensor, held: Sequence[Direction], generator: Generator) -> None:
    """Take out of `vectors` [K, D], in place, what lies along the held directions."""
    if not held:
        return
    kinds = len(generator.spec.classes)
    with torch.no_grad():
        for index in range(len(vectors)):
            one = torch.eye(kinds, device=vectors.device)[index : index + 1] if len(vectors) > 1 else evenly(generator)
            vectors[index : index + 1] = project_off(vectors[index : index + 1], held, one)


class ScoreValidation:
    """The held-out latents that decide which vector is kept, and the strip a person sees meanwhile."""

    def __init__(self, generator: Generator, regressor: Regressor, reach: float) -> None:
        self.generator, self.regressor, self.reach = generator, regressor, reach
        self.drawn = sample_latents(generator, WATCHED, Role.WATCH, in_turn=True)
        order = torch.randperm(
            WATCHED, generator=torch.Generator().manual_seed(0)
        )  # or classes and amounts would go together
        self.shares = torch.linspace(-1, 1, WATCHED)[order].to(generator.device)
        self.before: list[Tensor] = []

    def loss(self, walk: ArcWalk, step: int, steps: int, losses: Losses) -> Work[float]:
        """Mean squared miss in units of the reach: 1/3 where nothing moves, 0 where all is reached."""
        total = 0.0
        for index, chunk in enumerate(self.drawn.split(CHUNK)):
            share = self.shares[index * CHUNK : index * CHUNK + len(chunk)]
            with torch.no_grad():
                if index == len(self.before):  # the originals never change: judge them once
                    images = self.generator.synthesize(chunk.latents, chunk.classes)
                    self.before.append(scores(self.regressor, images))
                after = scores(self.regressor, steered(self.generator, walk, chunk, share))
            total += float(((after - self.before[index]) / self.reach - share).square().sum())
            yield progress(step, steps, losses)
        return total / WATCHED

    def strip(self, walk: ArcWalk) -> Tensor:
        """One latent along the walk: uint8 [H, 7 W, 3]."""
        one = next(self.drawn.split(1))
        return picture_row(self.generator, walk, one, [-1.5, -1, -0.5, 0, 0.5, 1, 1.5])


def progress(step: int, steps: int, losses: Losses, strip: Tensor | None = None) -> Progress:
    """Where learning is, with at most 200 points of its losses."""
    every = max(1, -(-len(losses) // 180))
    points = [point for point in losses if point[2] is not None or (point[0] or 0) % every == 0]
    detail: dict[str, Any] = {"step": step, "steps": steps, "loss": points[-200:]}
    return Progress(step / steps, f"Step {step} of {steps}", detail, strip)
