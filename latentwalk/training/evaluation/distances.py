"""Distances between two sets of images in the features of a trained classifier: KID and a Fréchet distance.

The features are not Inception's, so the Fréchet distance is not an FID. Neither figure means anything without the
net's name, the numbers of images, and the same figure of real images against real images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    """KID's mean and deviation over subsets, and FD, of sets of `counts` images in the features of `net`."""

    net: str
    kid: float
    kid_std: float
    fd: float
    counts: tuple[int, int]

    def to_json(self) -> dict[str, Any]:
        """The figures as a report holds them."""
        return {
            "kid": round(self.kid, 6),
            "kid_std": round(self.kid_std, 6),
            "fd": round(self.fd, 4),
            "counts": list(self.counts),
        }  # fmt: skip


def distances(net: FeatureNet, images: Tensor, reference: Tensor, seed: int = 0) -> Work[Distances]:
    """Both distances between 8-bit images [N, C, H, W] and [M, C, H, W]."""
    one = yield from scale_progress(features(net, images), 0.0, 0.5)
    other = yield from scale_progress(features(net, reference), 0.5, 1.0)
    return feature_distances(net.name, one, other, seed)


def fast_distances(
    net: FeatureNet, sampler: Sampler, counts: Sequence[int], reference: Tensor, seed: int = 0
) -> Work[Distances]:
    """Both distances of new samples from features [M, D] of real images: one point of a curve over training.

    The same seed gives the same latents at every point, so that the curve shows training and not sampling noise.
    """
    samples = yield from scale_progress(gather(sampler, counts, seed, "samples"), 0.0, 0.7)
    vectors = yield from scale_progress(features(net, samples.images), 0.7, 1.0)
    return feature_distances(net.name, vectors, reference, seed)


def feature_distances(net: str, one: Tensor, other: Tensor, seed: int = 0) -> Distances:
    """Both distances between features [N, D] and [M, D] of the net with this name."""
    mean, deviation = kid(one, other, torch.Generator().manual_seed(seed))
    return Distances(net, mean, deviation, frechet(*moments(one), *moments(other)), (len(one), len(other)))


def kid(
    one: Tensor, other: Tensor, source: torch.Generator, subsets: int = SUBSETS, size: int = SIZE
) -> tuple[float, float]:
    """Kernel distance of features [N, D] and [M, D]: mean and deviation over subsets (Binkowski et al. 2018).

    The kernel is (x.y / D + 1)^3 and the estimate of the squared mean discrepancy unbiased: about zero, and sometimes
    negative, for two draws from one distribution. A subset holds at most a fifth of the smaller set, because subsets
    that share most images would hardly deviate. Raises Invalid for sets of fewer than two images.
    """
    size = min(size, max(min(len(one), len(other)) // 5, 2))
    if min(len(one), len(other)) < 2:
        raise Invalid("A kernel distance needs at least two pictures on each side.", "Draw more pictures.")
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
    """Mean [D] and unbiased covariance [D, D] of vectors [N, D], in double precision; Invalid for fewer than two."""
    if len(vectors) < 2:
        raise Invalid("A Fréchet distance needs at least two pictures on each side.", "Draw more pictures.")
    values = vectors.double()
    return values.mean(dim=0), torch.cov(values.T)


def frechet(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """|m - n|^2 + tr(S + T - 2 (S T)^(1/2)), the squared Fréchet distance of two Gaussians (Dowson, Landau 1982).

    The trace of the root is the sum of the square roots of the eigenvalues of S^(1/2) T S^(1/2), which is symmetric;
    rank-deficient covariances are therefore no problem.
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    inner = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp_min(0).sqrt().sum()
    traces = covariance.diagonal().sum() + other_covariance.diagonal().sum()
    return float((mean - other_mean).square().sum() + traces - 2 * inner)
