"""Positional normalisation and its shortcuts against the definition."""

from __future__ import annotations

import pytest
import torch

from models.layers.positional_norm import EPSILON, DynamicShortcut, moment_shortcut, positional_norm

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


def test_the_shortcut_undoes_the_normalisation() -> None:
    torch.testing.assert_close(moment_shortcut(*positional_norm(X)), X)


def test_the_shortcut_leaves_what_it_is_given_alone() -> None:
    kept = X.clone()
    moment_shortcut(X, *positional_norm(X)[1:])
    assert torch.equal(X, kept)


def test_one_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="channel"):
        positional_norm(X[:, :1])


def test_the_dynamic_shortcut_starts_as_the_plain_one_and_learns_either_sign() -> None:
    torch.manual_seed(0)
    dynamic = DynamicShortcut(5)
    normal, mean, deviation = positional_norm(X)
    torch.testing.assert_close(dynamic(normal, mean, deviation), X)
    optimiser = torch.optim.Adam(dynamic.parameters(), 0.05)
    for _ in range(150):
        loss = (dynamic(normal, mean, deviation) + X).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.3 * float((2 * X).square().mean())


def test_the_dynamic_shortcut_reads_moments_of_another_side() -> None:
    normal, mean, deviation = positional_norm(torch.randn(1, 5, 8, 8))
    assert DynamicShortcut(5)(torch.randn(1, 5, 4, 4), mean, deviation).shape == (1, 5, 4, 4)
    assert normal.shape == (1, 5, 8, 8)
