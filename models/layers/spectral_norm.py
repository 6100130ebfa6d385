"""Spectral norm and stable rank normalisation of weights, as a torch parametrisation (Sanyal, Torr, Dokania 2020).

The stable rank of a matrix is its squared Frobenius norm over its squared largest singular value. It does not change
with scale, so dividing by the spectral norm (Miyato et al. 2018) preserves it, and lowering it is a separate step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

INITIAL_STEPS = 30  # power iterations at the start: after a single one the norm is off by several percent
LOWEST = 2.0  # at a stable rank of one a layer equals its first component, and no gradient reaches it
EPSILON = 1e-12


class StableRank(nn.Module):
    """A weight divided by its spectral norm, then reduced to a stable rank of at most `share` of its full rank.

    The weight is viewed as a matrix of dimension `dim` (0; 1 for transposed convolutions) against all others. `share` 1
    is spectral normalisation alone, because no stable rank exceeds the rank. The singular vectors are updated by one
    power iteration at each use in training mode and by none in eval mode; the gradient flows through sigma = u'Wv as
    if u and v were constants, as in both papers.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, share: float = 1.0, dim: int = 0) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ValueError(f"a share of the rank is above 0 and at most 1, not {share}")
        self.dim = dim
        with torch.no_grad():
            matrix = self._matrix(weight)
            full = min(matrix.shape)
            # A layer of one row always has a stable rank of one.
            self.limit = None if share == 1 or full == 1 else min(max(share * full, LOWEST), float(full))
            # A generator of its own, so that this normalisation does not change other random numbers.
            source = torch.Generator().manual_seed(full * 65537 + matrix.numel())
            start = torch.randn(matrix.shape[0], generator=source)
            self.register_buffer("u", _unit(start.to(matrix)))
            self.register_buffer("v", _unit(matrix.T @ self.u))
            for _ in range(INITIAL_STEPS):
                self._step(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        if self.training:
            with torch.no_grad():
                self._step(matrix)
        # Clones, because the next use updates the buffers while the graph of this one still needs them.
        u, v = self.u.clone(), self.v.clone()
        matrix = matrix / torch.dot(u, matrix @ v).clamp_min(EPSILON)
        if self.limit is not None:
            first = torch.outer(u, v)
            rest = matrix - first
            size, allowed = torch.linalg.vector_norm(rest), math.sqrt(self.limit - 1)
            # A factor of one instead of a branch, which would wait for the device.
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
    """Parametrise the `weight` of a layer. `dim` defaults to 1 for transposed convolutions and to 0 otherwise."""
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    side = int(transposed) if dim is None else dim
    weight = layer.weight
    assert isinstance(weight, Tensor)
    parametrize.register_parametrization(layer, "weight", StableRank(weight.detach(), share, side))


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / torch.linalg.vector_norm(vector).clamp_min(EPSILON)
    return unit
