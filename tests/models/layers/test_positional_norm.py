"""Positional normalisation against the definition."""

from __future__ import annotations

import pytest
import torch

from models.layers.positional_norm import EPSILON, positional_norm

X = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))


def test_each_position_is_normalised_over_its_channels_by_the_population_variance() -> None:
    found, mean, deviation = positional_norm(X)
    for n, h, w in [(0, 0, 0), (1, 3, 2), (0, 2, 1)]:
        values = X[n, :, h, w].tolist()
        middle = sum(values) / 5
        spread = (sum((value - middle) ** 2 for value in values) / 5 + EPSILON) ** 0.5
        assert float(mean[n, 0, h, w]) == pytest.approx(middle, abs=1e-6)
        assert float(deviation[n, 0, h, w]) == pytest.approx(spread, abs=1e-6)
        assert found[n, :, h, w].tolist() == pytest.approx([(value - middle) / spread for value in values], abs=1e-5)


def test_scaling_and_shifting_by_the_moments_undoes_the_normalisation() -> None:
    normal, mean, deviation = positional_norm(X)
    torch.testing.assert_close(normal * deviation + mean, X)


def test_one_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="channel"):
        positional_norm(X[:, :1])
