"""Spectral norm and stable rank normalisation of weights, as a torch parametrisation (Sanyal, Torr, Dokania 2020).

The stable rank of a matrix, its squared Frobenius norm over its squared largest singular value, does not change with
scale; so dividing by the spectral norm (Miyato et al. 2018) leaves it alone, and lowering it is a step of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

WARM = 30  # power steps at the start: after one alone the norm is off by several percent
LOWEST = 2.0  # at a stable rank of one a layer is its own first component, and no gradient reaches it any more
EPSILON = 1e-12


def stable_rank(matrix: Tensor) -> Tensor:
    """||W||_F^2 / sigma_1^2 of a matrix, between 1 and its rank."""
    values = torch.linalg.svdvals(matrix)
    rank: Tensor = values.square().sum() / values[0].square()
    return rank


def nearest_of_stable_rank(matrix: Tensor, rank: float, kept: int = 1) -> Tensor:
    """The nearest matrix of a stable rank `rank`, its `kept` largest singular values untouched (theorem 1).

    By singular values, for tests and small matrices; a matrix already at or below `rank` comes back as it is.
    `kept` 0 lets even the largest one grow. ValueError where no such matrix exists: a rank below 1, or kept values
    that are together above it.
    """
    if rank < 1:
        raise ValueError(f"a stable rank is 1 or more, not {rank}")
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    largest = values[0].square()
    if values.square().sum() <= rank * largest:
        return matrix
    first = max(kept, 1)
    head, tail = values[:first].square().sum(), values[first:].square().sum()
    if kept == 0:
        ratio = ((rank - 1) * head / tail).sqrt()
        low = (ratio + rank - 1) / rank
        high = low / ratio if ratio > 0 else torch.ones_like(low)
    else:
        if head > rank * largest * (1 + 1e-6):
            raise ValueError(f"{kept} singular values alone have a stable rank above {rank}")
        low, high = ((rank * largest - head).clamp_min(0) / tail).sqrt(), torch.ones_like(tail)
    factors = torch.cat([high.expand(first), low.expand(len(values) - first)])
    found: Tensor = (left * (values * factors)) @ right
    return found


class StableRank(nn.Module):
    """A weight divided by its spectral norm, then brought to a stable rank of at most `share` of its full rank.

    The weight is seen as a matrix of `dim` (0; 1 for transposed convolutions) against everything else. `share` 1
    is spectral normalisation alone, for no stable rank exceeds the rank. The singular vectors are followed by one
    power step at each use in training and none in eval mode; the gradient flows through sigma = u'Wv as if u and v
    were constants, as in both papers.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, share: float = 1.0, dim: int = 0) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ValueError(f"a share of the rank lies above 0 and up to 1, not at {share}")
        self.dim = dim
        with torch.no_grad():
            matrix = self._matrix(weight)
            full = min(matrix.shape)
            # A layer of one row has a stable rank of one whatever it holds.
            self.limit = None if share == 1 or full == 1 else min(max(share * full, LOWEST), float(full))
            # Drawn apart, so that switching this on changes no other draw.
            source = torch.Generator().manual_seed(full * 65537 + matrix.numel())
            start = torch.randn(matrix.shape[0], generator=source)
            self.register_buffer("u", _unit(start.to(matrix)))
            self.register_buffer("v", _unit(matrix.T @ self.u))
            for _ in range(WARM):
                self._step(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        if self.training:
            with torch.no_grad():
                self._step(matrix)
        # Clones: the next use moves the buffers while this one's graph still needs them.
        u, v = self.u.clone(), self.v.clone()
        matrix = matrix / torch.dot(u, matrix @ v).clamp_min(EPSILON)
        if self.limit is not None:
            first = torch.outer(u, v)
            rest = matrix - first
            size, allowed = torch.linalg.vector_norm(rest), math.sqrt(self.limit - 1)
            # A factor of one, not a branch: the device need not be waited for.
            matrix = first + rest * (allowed / size.clamp_min(EPSILON)).clamp_max(1)
        return self._back(matrix, weight)

    def _step(self, matrix: Tensor) -> None:
        self.v.copy_(_unit(matrix.T @ self.u))
        self.u.copy_(_unit(matrix @ self.v))

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _back(self, matrix: Tensor, weight: Tensor) -> Tensor:
        return matrix.reshape(weight.movedim(self.dim, 0).shape).movedim(0, self.dim)


def parametrise_norm(layer: nn.Module, share: float = 1.0, dim: int | None = None) -> None:
    """Parametrise a layer's `weight`; transposed convolutions are told apart, other shapes may say their `dim`."""
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    side = int(transposed) if dim is None else dim
    weight = layer.weight
    assert isinstance(weight, Tensor)
    parametrize.register_parametrization(layer, "weight", StableRank(weight.detach(), share, side))


def _unit(vector: Tensor) -> Tensor:
    found: Tensor = vector / torch.linalg.vector_norm(vector).clamp_min(EPSILON)
    return found
