"""A direction from a judge without a gradient: sample and score, fit a line, teach a student, refine through it.

The fit is InterFaceGAN's idea (Shen et al. 2020, section 3) with ridge regression in place of its support vectors,
which needs no threshold. Half the pictures are taken along the fitted line, so that the student has seen where its
gradient will be followed. The judge itself decides on held-out latents whether the refined direction is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.errors import ModelFailed
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.steering.latent_sampling import LatentBatch, Role, centre, sample_latents
from latentwalk.steering.learning.resume_state import ResumeState
from latentwalk.steering.scores.gradient_fit import ScoreValidation, blank, fit, free
from latentwalk.steering.scores.reliability import fisher
from latentwalk.steering.scores.scoring import CHUNK, scores
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.scores.student import small, train_student
from models.base import Generator
from models.regressors.protocol import Regressor

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # of ridge regression, times the number of samples
FOLDS = 5
BEYOND = 1.25  # reaches that the second half of the pictures goes along the line
LONGEST = 0.8  # of a latent's usual length: how far the start may lead
REFINING = 0.5  # of the usual rate: the start is good already


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A ridge fit of scores on latents: a vector for each class or one, and its cross-validated correlation."""

    vectors: Tensor
    correlation: float


def distill(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float,
    held: Sequence[Direction] = (), memory: ResumeState | None = None, stage: str = "",
) -> Work[tuple[ArcWalk, dict[str, Any]]]:  # fmt: skip
    """The walk whose step 1 stands for `reach`, and what is known of how it was found, for the card."""
    half = settings.samples // 2
    source = torch.Generator().manual_seed(settings.seed)
    drawn = sample_latents(generator, half, Role.LEARN, source, in_turn=True)
    pictures, marks = yield from scale_progress(_scored(generator, regressor, drawn), 0.0, 0.2)
    line = ridge(drawn, marks, settings.per_class)
    start = ArcWalk(line.vectors * reach, blank(generator, settings).keeps_norm)
    free(start.vectors, held, generator)
    more = sample_latents(generator, settings.samples - half, Role.LEARN, source, in_turn=True)
    shares = (torch.rand(len(more), generator=source) * 2 - 1).to(generator.device) * BEYOND
    moved = LatentBatch(start.move(more.latents, shares, more.classes), more.classes)
    further, marked = yield from scale_progress(_scored(generator, regressor, moved), 0.2, 0.4)
    lesson = train_student(regressor.spec, torch.cat([pictures, further]), torch.cat([marks, marked]), settings.seed)
    student = yield from scale_progress(lesson, 0.4, 0.6)
    low, _ = fisher(student.correlation, student.n)
    if low <= 0 and line.correlation <= 0.1:
        raise ModelFailed(
            f"No slider can be learned: on held-out pictures a student follows {regressor.spec.title} with a "
            f"correlation of {student.correlation:.2f} (n = {student.n}), which may be chance.",
            "Score more samples, or use a judge whose scores depend on what these pictures show.",
        )
    refining = fit(generator, student, settings, reach, start, held, 0.04 * REFINING, memory, stage)
    refined = yield from scale_progress(refining, 0.6, 0.9)
    watch = ScoreValidation(generator, regressor, reach)
    misses = []
    for walk in (start, refined):
        misses.append((yield from scale_progress(watch.loss(walk, settings.steps, settings.steps, []), 0.9, 1.0)))
    better = misses[1] <= misses[0]
    told = {
        "correlation": round(student.correlation, 4),
        "n": student.n,
        "samples": settings.samples,
        "fit_correlation": round(line.correlation, 4),
        "fit_miss": round(misses[0], 4),
        "refined_miss": round(misses[1], 4),
        "kept": "refined" if better else "fit",
    }
    return (refined if better else start), told


def warm_start(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float, held: Sequence[Direction] = ()
) -> Work[ArcWalk]:
    """Where learning through a gradient starts: the line fitted to the scores of `settings.warm` samples.

    A gradient from eight pictures at a time finds a direction slowly where a score is noisy; a fit to many sees it at
    once, and leaves to the gradient what is not linear.
    """
    source = torch.Generator().manual_seed(settings.seed)
    drawn = sample_latents(generator, settings.warm, Role.LEARN, source, in_turn=True)
    _, marks = yield from _scored(generator, regressor, drawn)
    line = ridge(drawn, marks, settings.per_class)
    # A weak fit asks for a step that would leave the latent behind: no further than is still the same picture.
    vectors = line.vectors * reach
    longest = LONGEST * float((drawn.latents - centre(generator, drawn)).norm(dim=1).mean())
    vectors = vectors * (longest / vectors.norm(dim=1, keepdim=True)).clamp_max(1.0)
    start = ArcWalk(vectors, blank(generator, settings).keeps_norm)
    free(start.vectors, held, generator)
    return start


def ridge(drawn: LatentBatch, marks: Tensor, per_class: bool) -> Line:
    """Ridge regression of scores [N] on latents [N, D], class means taken out, the penalty chosen by five folds.

    A vector's length is such that one step of it along itself changes the fitted score by one unit. The correlation
    is of cross-validated predictions with the scores, inside classes.
    """
    kinds = torch.zeros(len(marks), dtype=torch.long) if drawn.classes is None else drawn.classes.argmax(dim=1).cpu()
    latents, wanted = drawn.latents.cpu().double().clone(), marks.cpu().double().clone()
    for kind in sorted(set(kinds.tolist())):
        mine = kinds == kind
        latents[mine] -= latents[mine].mean(dim=0)
        wanted[mine] -= wanted[mine].mean()
    folds = torch.arange(len(wanted)) % FOLDS
    folds = folds[torch.randperm(len(folds), generator=torch.Generator().manual_seed(0))]
    best, penalty = -1.0, PENALTIES[-1]
    for candidate in PENALTIES:
        guesses = torch.empty_like(wanted)
        for fold in range(FOLDS):
            out = folds == fold
            guesses[out] = latents[out] @ _solve(latents[~out], wanted[~out], candidate)
        correlation = float(torch.corrcoef(torch.stack([guesses, wanted]))[0, 1].nan_to_num(0.0))
        if correlation > best:
            best, penalty = correlation, candidate
    shared = _solve(latents, wanted, penalty)
    rows = [shared]
    if per_class and drawn.classes is not None:
        # Each class's own fit is drawn towards the shared one: it explains what that leaves.
        rows = []
        for kind in range(drawn.classes.shape[1]):
            mine = kinds == kind
            left = wanted[mine] - latents[mine] @ shared
            rows.append(shared + _solve(latents[mine], left, penalty * 3) if bool(mine.any()) else shared)
    vectors = torch.stack([row / row.square().sum().clamp_min(1e-12) for row in rows])
    return Line(vectors.float().to(drawn.latents.device), best)


def _solve(latents: Tensor, wanted: Tensor, penalty: float) -> Tensor:
    inner = latents.T @ latents + penalty * len(latents) * torch.eye(latents.shape[1], dtype=latents.dtype)
    found: Tensor = torch.linalg.solve(inner, latents.T @ wanted)
    return found


def _scored(generator: Generator, regressor: Regressor, drawn: LatentBatch) -> Work[tuple[Tensor, Tensor]]:
    pictures, marks = [], []
    for index, chunk in enumerate(drawn.split(CHUNK)):
        with torch.no_grad():
            images = generator.synthesize(chunk.latents, chunk.classes)
            marks.append(scores(regressor, images))
            pictures.append(small(images))
        yield Progress(index * CHUNK / len(drawn), f"Scoring picture {index * CHUNK + len(chunk)} of {len(drawn)}")
    return torch.cat(pictures), torch.cat(marks).to(pictures[0].device)
