"""Ridge regression of scores on latents: the line that directions without a gradient are, and others start from.

The fit is InterFaceGAN's idea (Shen et al. 2020, section 3) with ridge regression in place of a support vector
machine, which needs no threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, class_indices, class_means, sample_latents
from latentwalk.steering.measuring.reliability import FOLDS, assign_folds, correlation
from latentwalk.steering.scores.gradient_fit import project_off_held, zero_walk
from latentwalk.steering.scores.scoring import CHUNK, scores
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.scores.student import downsample
from models.base import Generator
from models.regressors.protocol import Regressor

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # of ridge regression, times the number of samples
LONGEST = 0.8  # of a latent's mean length: how long the first step may be


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """A ridge fit of scores on latents: one vector, or one per class [K, D], and its cross-validated correlation."""

    vectors: Tensor
    correlation: float


def fit_start(
    generator: Generator, regressor: Regressor, settings: ScoreSettings, reach: float, held: Sequence[Direction] = ()
) -> Work[ArcWalk]:
    """The walk from which learning through a gradient starts: a line fitted to the scores of `settings.warm` samples.

    With a noisy score, a gradient of eight images at a time finds a direction slowly. A fit to many images finds it at
    once and leaves the nonlinear part to the gradient.
    """
    source = torch.Generator().manual_seed(settings.seed)
    batch = sample_latents(generator, settings.warm, Role.TRAIN, source, balanced=True)
    _, values = yield from score_batch(generator, regressor, batch)
    # A weak fit asks for a step that leaves the latent behind: it is cut to a length that keeps the image similar.
    vectors = fit_linear(batch, values, settings.per_class).vectors * reach
    longest = LONGEST * float((batch.latents - class_means(generator, batch)).norm(dim=1).mean())
    vectors = vectors * (longest / vectors.norm(dim=1, keepdim=True)).clamp_max(1.0)
    return line_walk(generator, settings, vectors, held)


def line_walk(generator: Generator, settings: ScoreSettings, vectors: Tensor, held: Sequence[Direction]) -> ArcWalk:
    """The walk along `vectors`, orthogonal to the held directions."""
    walk = ArcWalk(vectors, zero_walk(generator, settings).keeps_norm)
    project_off_held(walk.vectors, held, generator)
    return walk


def fit_linear(batch: LatentBatch, values: Tensor, per_class: bool) -> LinearFit:
    """Ridge regression of scores [N] on latents [N, D], less the class means; five folds choose the penalty.

    A step of one whole vector changes the fitted score by one unit. The correlation is that of cross-validated
    predictions with the scores, within classes.
    """
    kinds = class_indices(batch)
    latents, targets = batch.latents.cpu().double().clone(), values.cpu().double().clone()
    for kind in sorted(set(kinds.tolist())):
        members = kinds == kind
        latents[members] -= latents[members].mean(dim=0)
        targets[members] -= targets[members].mean()
    folds = assign_folds(len(targets))
    best, penalty = -1.0, PENALTIES[-1]
    for candidate in PENALTIES:
        predictions = torch.empty_like(targets)
        for fold in range(FOLDS):
            out = folds == fold
            predictions[out] = latents[out] @ _ridge(latents[~out], targets[~out], candidate)
        agreement = correlation(predictions, targets)
        if agreement > best:
            best, penalty = agreement, candidate
    shared = _ridge(latents, targets, penalty)
    rows = [shared]
    if per_class and batch.classes is not None:
        # Each class's own fit is shrunk towards the shared one: it is fitted to the residual.
        rows = []
        for kind in range(batch.classes.shape[1]):
            members = kinds == kind
            residual = targets[members] - latents[members] @ shared
            rows.append(shared + _ridge(latents[members], residual, penalty * 3) if bool(members.any()) else shared)
    vectors = torch.stack([row / row.square().sum().clamp_min(1e-12) for row in rows])
    return LinearFit(vectors.float().to(batch.latents.device), best)


def score_batch(generator: Generator, regressor: Regressor, batch: LatentBatch) -> Work[tuple[Tensor, Tensor]]:
    """Images of latents, downsampled as a student sees them, and their scores [N]."""
    images, values = [], []
    for index, chunk in enumerate(batch.split(CHUNK)):
        with torch.no_grad():
            full_size = generator.synthesize(chunk.latents, chunk.classes)
            values.append(scores(regressor, full_size))
            images.append(downsample(full_size))
        yield Progress(index * CHUNK / len(batch), f"Scoring image {index * CHUNK + len(chunk)} of {len(batch)}")
    return torch.cat(images), torch.cat(values).to(images[0].device)


def _ridge(latents: Tensor, targets: Tensor, penalty: float) -> Tensor:
    inner = latents.T @ latents + penalty * len(latents) * torch.eye(latents.shape[1], dtype=latents.dtype)
    weights: Tensor = torch.linalg.solve(inner, latents.T @ targets)
    return weights
