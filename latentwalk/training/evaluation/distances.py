"""How far two sets of pictures lie apart in the features of a net of ours: KID, and a Frechet distance named after it.

Neither figure means anything without the net's name, the counts, and the same figure of real against real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.progress import Work, scale_progress
from latentwalk.training.evaluation.classifier_training import FeatureNet, features
from latentwalk.training.evaluation.labelled_samples import Sampler, gather

SUBSETS = 50
SIZE = 500


@dataclass(frozen=True, slots=True)
class Distances:
    """KID's mean and deviation over subsets, and FD, of sets of `counts` pictures in the features of `net`."""

    net: str
    kid: float
    kid_std: float
    fd: float
    counts: tuple[int, int]


def distances(net: FeatureNet, found: Tensor, wanted: Tensor, seed: int = 0) -> Work[Distances]:
    """Both distances between 8-bit pictures [N, C, H, W] and [M, C, H, W]."""
    one = yield from scale_progress(features(net, found), 0.0, 0.5)
    other = yield from scale_progress(features(net, wanted), 0.5, 1.0)
    return between(net.name, one, other, seed)


def fast_distances(
    net: FeatureNet, sampler: Sampler, counts: Sequence[int], wanted: Tensor, seed: int = 0
) -> Work[Distances]:
    """Both distances of fresh samples from features [M, D] of real pictures: one point of a curve over training.

    The same seed gives the same latents at every point, so that the curve shows the training and not the draw.
    """
    drawn = yield from scale_progress(gather(sampler, counts, seed, "samples"), 0.0, 0.7)
    found = yield from scale_progress(features(net, drawn.pictures), 0.7, 1.0)
    return between(net.name, found, wanted, seed)


def between(name: str, one: Tensor, other: Tensor, seed: int = 0) -> Distances:
    """Both distances between features [N, D] and [M, D] of the net called `name`."""
    mean, deviation = kid(one, other, torch.Generator().manual_seed(seed))
    return Distances(name, mean, deviation, frechet(*moments(one), *moments(other)), (len(one), len(other)))


def kid(
    one: Tensor, other: Tensor, source: torch.Generator, subsets: int = SUBSETS, size: int = SIZE
) -> tuple[float, float]:
    """Kernel distance of features [N, D] and [M, D]: the mean and deviation over subsets (Binkowski et al. 2018).

    The kernel is (x.y / D + 1)^3 and the estimate of its squared mean discrepancy unbiased: about zero for two draws
    from one distribution, at times below it. A subset takes no more than a fifth of the smaller set, for subsets that
    share most pictures would hardly deviate.
    """
    size = min(size, max(min(len(one), len(other)) // 5, 2))
    if min(len(one), len(other)) < 2:
        raise Invalid("A kernel distance needs two pictures on either side.", "Draw more of them.")
    values = []
    for _ in range(subsets):
        x = one[torch.randperm(len(one), generator=source)[:size]].double()
        y = other[torch.randperm(len(other), generator=source)[:size]].double()
        values.append(discrepancy(x, y))
    stacked = torch.stack(values)
    return float(stacked.mean()), float(stacked.std(correction=0))


def discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """The unbiased squared mean discrepancy of x [N, D] and y [M, D] under the cubic kernel."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: Tensor) -> Tensor:
        values = kernel(a, a)
        return (values.sum() - values.diagonal().sum()) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def moments(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [D] and unbiased covariance [D, D] of vectors [N, D], in double precision."""
    if len(vectors) < 2:
        raise Invalid("A Frechet distance needs two pictures on either side.", "Draw more of them.")
    values = vectors.double()
    return values.mean(dim=0), torch.cov(values.T)


def frechet(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """|m - n|^2 + tr(S + T - 2 (S T)^(1/2)), the squared Frechet distance of two Gaussians (Dowson, Landau 1982).

    The trace of the root is the sum of the roots of the eigenvalues of S^(1/2) T S^(1/2), which is symmetric; so a
    covariance without full rank does no harm.
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    inner = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp_min(0).sqrt().sum()
    traces = covariance.diagonal().sum() + other_covariance.diagonal().sum()
    return float((mean - other_mean).square().sum() + traces - 2 * inner)
