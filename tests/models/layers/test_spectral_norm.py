"""Spectral and stable rank normalisation against the definition, by singular values."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from models.layers.spectral_norm import (
    INITIAL_STEPS,
    LOWEST,
    StableRank,
    parametrise_norm,
)
from models.networks.discriminator import Discriminator, with_spectral_norm


def stable_rank(matrix: torch.Tensor) -> torch.Tensor:
    """||W||_F^2 / sigma_1^2 of a matrix, between 1 and its rank."""
    values = torch.linalg.svdvals(matrix)
    rank: torch.Tensor = values.square().sum() / values[0].square()
    return rank


def nearest_of_stable_rank(matrix: torch.Tensor, rank: float, preserved: int = 1) -> torch.Tensor:
    """The nearest matrix of stable rank `rank` with the `preserved` largest singular values unchanged (theorem 1).

    Computed by a singular value decomposition. A matrix at or below `rank` is returned
    as it is. With `preserved` 0 even the largest value may grow. ValueError if no such matrix exists: for a rank below
    1, or if the preserved values alone exceed it.
    """
    if rank < 1:
        raise ValueError(f"a stable rank is at least 1, not {rank}")
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    largest = values[0].square()
    if values.square().sum() <= rank * largest:
        return matrix
    first = max(preserved, 1)
    head, tail = values[:first].square().sum(), values[first:].square().sum()
    if preserved == 0:
        ratio = ((rank - 1) * head / tail).sqrt()
        low = (ratio + rank - 1) / rank
        high = low / ratio if ratio > 0 else torch.ones_like(low)
    else:
        if head > rank * largest * (1 + 1e-6):
            raise ValueError(f"{preserved} singular values alone have a stable rank above {rank}")
        low, high = ((rank * largest - head).clamp_min(0) / tail).sqrt(), torch.ones_like(tail)
    factors = torch.cat([high.expand(first), low.expand(len(values) - first)])
    result: torch.Tensor = (left * (values * factors)) @ right
    return result


def matrix(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def as_matrix(layer: nn.Module, dim: int = 0) -> torch.Tensor:
    return layer.weight.detach().movedim(dim, 0).flatten(1)


def test_the_stable_rank_of_known_matrices() -> None:
    assert float(stable_rank(torch.eye(5))) == pytest.approx(5)
    assert float(stable_rank(torch.outer(torch.arange(1.0, 4), torch.ones(6)))) == pytest.approx(1)
    assert float(stable_rank(torch.diag(torch.tensor([2.0, 1.0])))) == pytest.approx(1.25)


def test_scaling_a_matrix_leaves_its_stable_rank() -> None:
    assert float(stable_rank(matrix(7, 9) * 31)) == pytest.approx(float(stable_rank(matrix(7, 9))))


@pytest.mark.parametrize("kept", [0, 1, 2])
@given(seed=some.integers(0, 1000), rank=some.floats(2.0, 3.0))
@settings(max_examples=25, deadline=None)
def test_the_nearest_matrix_has_the_rank_asked_and_keeps_the_values_it_should(
    kept: int, seed: int, rank: float
) -> None:
    whole = matrix(8, 12, seed)
    found = nearest_of_stable_rank(whole, rank, kept)
    before, after = torch.linalg.svdvals(whole), torch.linalg.svdvals(found)
    assert float(stable_rank(found)) == pytest.approx(min(rank, float(stable_rank(whole))), abs=1e-6)
    torch.testing.assert_close(after[:kept], before[:kept])


@pytest.mark.parametrize("kept", [0, 1])
def test_no_matrix_found_by_search_is_nearer(kept: int) -> None:
    # Every rescaling of the two parts that has the rank asked lies on one ray or line; and random ones lie outside.
    whole, rank = matrix(6, 9, 3), 2.5
    best = float((nearest_of_stable_rank(whole, rank, kept) - whole).norm())
    source = torch.Generator().manual_seed(1)
    for _ in range(300):
        near = whole + torch.randn(6, 9, generator=source, dtype=torch.float64) * 0.3
        left, values, right = torch.linalg.svd(near, full_matrices=False)
        top = torch.linalg.svdvals(whole)[0] if kept else values[0]
        tail = (((rank - 1) * top.square()) / values[1:].square().sum()).sqrt()
        other = (left * torch.cat([top[None], values[1:] * tail])) @ right
        assert float(stable_rank(other)) == pytest.approx(rank)
        assert float((other - whole).norm()) >= best - 1e-9


def test_a_rank_that_cannot_be_is_refused_and_one_already_met_changes_nothing() -> None:
    whole = matrix(5, 5)
    assert nearest_of_stable_rank(whole, 5.0) is whole
    with pytest.raises(ValueError, match="at least 1"):
        nearest_of_stable_rank(whole, 0.5)
    with pytest.raises(ValueError, match="alone"):
        nearest_of_stable_rank(torch.eye(6) * torch.linspace(1, 0.9, 6)[:, None], 2.0, preserved=4)
    torch.testing.assert_close(
        stable_rank(nearest_of_stable_rank(whole, 1.0, 0)), torch.tensor(1.0, dtype=torch.float64)
    )


def settled(layer: nn.Module, steps: int = 200) -> nn.Module:
    for _ in range(steps):
        assert layer.weight is not None
    return layer


@pytest.mark.parametrize("share", [1.0, 0.7, 0.3, 0.1])
def test_a_layers_weight_is_the_definition_of_its_original(share: float) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 16, 3)
    original = layer.weight.detach().flatten(1).clone()
    parametrise_norm(layer, share)
    settled(layer)
    divided = original / torch.linalg.svdvals(original)[0]
    expected = divided if share == 1 else nearest_of_stable_rank(divided, max(share * 16, LOWEST))
    torch.testing.assert_close(as_matrix(layer), expected, atol=1e-3, rtol=1e-3)


def test_the_first_use_is_already_nearly_exact() -> None:
    torch.manual_seed(1)
    layer = nn.Linear(288, 64)
    parametrise_norm(layer, 0.3)
    assert float(torch.linalg.svdvals(as_matrix(layer))[0]) == pytest.approx(1, abs=0.02)
    assert INITIAL_STEPS >= 15


@pytest.mark.parametrize("layer", [nn.ConvTranspose2d(6, 4, 3), nn.ConvTranspose1d(5, 7, 2), nn.Linear(4, 4)])
def test_a_kernel_comes_back_in_its_own_order(layer: nn.Module) -> None:
    torch.manual_seed(0)
    layer.reset_parameters()
    original = layer.weight.detach().clone()
    parametrise_norm(layer)
    settled(layer)
    dim = 1 if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d) else 0
    factor = torch.linalg.svdvals(original.movedim(dim, 0).flatten(1))[0]
    ratio = original / layer.weight.detach()
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), atol=0, rtol=1e-4)
    assert float(ratio.mean()) == pytest.approx(float(factor), rel=0.02)


def test_a_layer_of_one_row_is_only_divided_by_its_length() -> None:
    layer = nn.Linear(9, 1)
    original = layer.weight.detach().clone()
    parametrise_norm(layer, 0.1)
    torch.testing.assert_close(layer.weight.detach(), original / original.norm())


def test_a_small_share_of_a_narrow_layer_still_lets_a_gradient_through() -> None:
    torch.manual_seed(2)
    layer = nn.Linear(8, 3)
    parametrise_norm(layer, 0.1)
    layer(torch.randn(4, 8)).square().sum().backward()
    assert layer.parametrizations.weight.original.grad.abs().max() > 1e-4
    assert float(stable_rank(as_matrix(settled(layer)))) <= LOWEST + 1e-3


def test_eval_mode_takes_no_power_step() -> None:
    layer = nn.Linear(8, 6)
    parametrise_norm(layer, 0.5)
    layer.eval()
    held = layer.parametrizations.weight[0].u.clone()
    first = layer.weight.clone()
    torch.testing.assert_close(layer.weight, first, rtol=0, atol=0)
    torch.testing.assert_close(layer.parametrizations.weight[0].u, held, rtol=0, atol=0)


def test_the_gradient_is_that_of_the_definition_with_the_vectors_held() -> None:
    rank = StableRank(matrix(5, 7), 0.5).eval()
    assert torch.autograd.gradcheck(rank, (matrix(5, 7).requires_grad_(),))


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        StableRank(torch.ones(2, 2), share)


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_every_weight_of_a_normalised_critic_keeps_both_bounds_and_scores_still_differ(share: float) -> None:
    torch.manual_seed(0)
    critic = with_spectral_norm(Discriminator((16, 12, 8), classes=3), share)
    pictures, classes = torch.randn(8, 3, 16, 16), torch.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
    for _ in range(100):
        scores = critic(pictures, classes, torch.float32)
    scores.sum().backward()
    seen = 0
    for layer in critic.modules():
        if hasattr(layer, "parametrizations"):
            weight = as_matrix(layer)
            assert float(torch.linalg.svdvals(weight)[0]) == pytest.approx(1, abs=5e-3)
            if share < 1 and min(weight.shape) > 1:
                assert float(stable_rank(weight)) <= max(share * min(weight.shape), LOWEST) * 1.02
            seen += 1
    # see x3, falls 2 x (stay, fall, skip), last, dense, score, classes
    assert seen == 3 + 6 + 4
    assert float(scores.detach().std()) > 1e-4
