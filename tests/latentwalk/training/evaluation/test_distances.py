"""Distances between sets of images, on cases with known values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training.evaluation.classifier_training import FeatureNet, features
from latentwalk.training.evaluation.distances import (
    discrepancy,
    distances,
    fast_distances,
    feature_distances,
    frechet,
    kid,
    moments,
)
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, gather
from tests.latentwalk.training.evaluation.bars import bars, faded


def normal(count: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_the_discrepancy_equals_its_definition_over_pairs() -> None:
    x, y = normal(4, 3, 0).double(), normal(5, 3, 1).double()

    def k(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a @ b / 3 + 1) ** 3)

    xx = sum(k(x[i], x[j]) for i in range(4) for j in range(4) if i != j) / 12
    yy = sum(k(y[i], y[j]) for i in range(5) for j in range(5) if i != j) / 20
    xy = sum(k(a, b) for a in x for b in y) / 20
    assert float(discrepancy(x, y)) == pytest.approx(xx + yy - 2 * xy)


def test_the_discrepancy_is_unbiased_for_small_sets() -> None:
    # An estimate that included the diagonal would be far above zero for twenty images.
    values = [float(discrepancy(normal(20, 8, 2 * s).double(), normal(20, 8, 2 * s + 1).double())) for s in range(200)]
    error = np.std(values) / len(values) ** 0.5
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)


def test_kid_increases_with_a_shift_and_exceeds_its_deviation() -> None:
    source = torch.Generator()
    result = [kid(normal(600, 8, 0), normal(600, 8, 1) + shift, source.manual_seed(0)) for shift in (0, 0.3, 0.6)]
    assert result[0][0] < result[1][0] < result[2][0]
    assert result[2][0] > 5 * result[2][1]
    assert abs(result[0][0]) < 3 * result[0][1]


def test_fd_of_shifted_and_scaled_gaussians_equals_the_closed_form() -> None:
    mean, other = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor([0.0, 1.0, 0.5]).double()
    one, two = torch.tensor([4.0, 1.0, 0.25]).double(), torch.tensor([1.0, 9.0, 0.0]).double()
    turned, _ = torch.linalg.qr(normal(3, 3, 5).double())
    expected = float((mean - other).square().sum() + (one.sqrt() - two.sqrt()).square().sum())
    result = frechet(turned @ mean, turned @ one.diag() @ turned.T, turned @ other, turned @ two.diag() @ turned.T)
    assert result == pytest.approx(expected)


def test_fd_of_covariances_that_do_not_commute_equals_the_matrix_root() -> None:
    one, two = (torch.cov(normal(6, 20, seed).double()) for seed in (1, 2))
    values = np.linalg.eigvals((one @ two).numpy())
    expected = float(one.trace() + two.trace()) - 2 * float(np.sqrt(values.real.clip(0)).sum())
    zero = torch.zeros(6).double()
    assert frechet(zero, one, zero, two) == pytest.approx(expected)
    assert frechet(zero, one, zero, one) == pytest.approx(0, abs=1e-9)


def test_fd_of_sampled_vectors_is_close_to_that_of_their_distributions() -> None:
    result = frechet(*moments(normal(20_000, 4, 0)), *moments(normal(20_000, 4, 1) * 2 + 1))
    assert result == pytest.approx(4 * 1 + 4 * 1, rel=0.05)


def test_real_images_are_close_and_faded_ones_far(net: FeatureNet, held_out: LabelledSamples) -> None:
    fresh = finish(gather(bars, [200] * 3, seed=7))
    dull = finish(gather(faded, [200] * 3, seed=7))
    near = finish(distances(net, fresh.images, held_out.images))
    far = finish(distances(net, dull.images, held_out.images))
    assert near.net == net.name
    assert near.counts == (600, 600)
    assert abs(near.kid) < 3 * near.kid_std
    assert far.fd > 10 * near.fd
    assert far.kid > 10 * abs(near.kid)


def test_distances_need_two_images_on_each_side() -> None:
    with pytest.raises(Invalid, match="two pictures"):
        feature_distances("net", normal(1, 3, 0), normal(5, 3, 1))
    with pytest.raises(Invalid, match="two pictures"):
        moments(normal(1, 3, 0))


def test_a_point_of_a_curve_is_reproducible(net: FeatureNet, held_out: LabelledSamples) -> None:
    expected = finish(features(net, held_out.images))
    result = finish(fast_distances(net, faded, [50] * 3, expected, seed=4))
    samples = finish(gather(faded, [50] * 3, seed=4))
    assert result == finish(distances(net, samples.images, held_out.images, seed=4))
    assert result == finish(fast_distances(net, faded, [50] * 3, expected, seed=4))
    assert result != finish(fast_distances(net, faded, [50] * 3, expected, seed=5))
