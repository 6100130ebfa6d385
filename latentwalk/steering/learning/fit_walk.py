"""The optimisation loop that fits a walk's tensors to an objective, shared by transforms and scores."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.optimizer import CosineAdam, Losses
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.learning.validation import CHUNK, Objective, Validation

MOST_POINTS = 200  # of the loss curve in a progress report

Target = TypeVar("Target")


@dataclass(frozen=True, slots=True, eq=False)
class FitPlan:
    """How long and how fast a walk is fitted: `rate` is Adam's, in latent units; validation runs every `every` steps.

    `project` changes the walk's tensors in place after every step, for example to keep them orthogonal to others.
    """

    steps: int
    batch: int
    rate: float
    every: int
    project: Callable[[], None] | None = None


def fit_walk(
    walk: Walk, objective: Objective[Target], validation: Validation[Target], plan: FitPlan,
    source: torch.Generator, device: torch.device, resume_state: ResumeState, stage: str,
) -> Work[dict[str, Tensor]]:  # fmt: skip
    """Optimise the walk's tensors and return those with the lowest validation loss.

    After every validation the state is offered as a checkpoint under `stage`; a stage that `resume_state` already
    holds is continued from there.
    """
    optimizer = CosineAdam(walk.tensors(), plan.rate, plan.steps, source)
    if (saved := resume_state.get(stage)) is not None:
        optimizer.restore(saved)
        yield step_progress(optimizer.step, plan.steps, optimizer.losses)
    while not optimizer.is_finished:
        report = functools.partial(step_progress, optimizer.step + 1, plan.steps, optimizer.losses)
        batch = objective.sample(plan.batch, source)
        shares = (torch.rand(plan.batch, generator=source) * 2 - 1).to(device)
        optimizer.zero_grad()
        total = 0.0
        for index, chunk in enumerate(batch.split(CHUNK)):
            part = shares[index * CHUNK : index * CHUNK + len(chunk)]
            with torch.no_grad():
                target = objective.target(chunk, part)
            loss = objective.losses(walk, chunk, part, target).sum() / plan.batch
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
            yield report()
        optimizer.take_step(total)
        if plan.project is not None:
            plan.project()
        if optimizer.step % plan.every == 0 or optimizer.step == plan.steps:
            optimizer.record_validation((yield from validation.loss(walk, report)))
            save = functools.partial(resume_state.put, stage, optimizer.saved())
            yield replace(report(), strip=validation.preview(walk), save_checkpoint=save)
    return optimizer.best


def step_progress(step: int, steps: int, losses: Losses) -> Progress:
    """The progress report of a step, with at most `MOST_POINTS` rows of its loss curve."""
    every = max(1, -(-len(losses) // 180))
    points = [point for point in losses if point[2] is not None or (point[0] or 0) % every == 0]
    detail: Mapping[str, Any] = {"step": step, "steps": steps, "loss": points[-MOST_POINTS:]}
    return Progress(step / steps, f"Step {step} of {steps}", detail)
