"""Caches what a layer computes from its weights alone, for as long as the weights do not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class WeightCache:
    """The result of `compute` for a weight and a dtype, cached until either changes.

    At batch size one a style-based layer spends as long on its weights as on its maps. For weights that require
    gradients nothing is cached, because the result belongs to the graph of one step.
    """

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._result: object = None

    def __call__(self, weight: Tensor, dtype: torch.dtype, compute: Callable[[], T]) -> T:
        if weight.requires_grad:
            return compute()
        # In-place changes increment the version; other changes move the data.
        version = 0 if weight.is_inference() else weight._version
        key = (dtype, weight.device, weight.data_ptr(), version)
        if key != self._key:
            # Not inference tensors: gradients of latents must be able to pass through the result later.
            with torch.inference_mode(False), torch.no_grad():
                self._result = compute()
            self._key = key
        return self._result  # type: ignore[return-value]  # computed by the same layer

    def __deepcopy__(self, memo: object) -> WeightCache:
        return WeightCache()  # the weights of a copied layer have another address
