"""A layer's weights in the form its arithmetic takes them, worked out once for as long as they stay the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class WeightCache:
    """What `make` makes of weights and a precision, kept until another weight or precision is asked for.

    At batch one a style-based layer spends as long on its weights as on its maps. Weights that are being trained are
    prepared anew each time: what is made of them belongs to one step's graph.
    """

    def __init__(self) -> None:
        self._mark: tuple[object, ...] = ()
        self._made: object = None

    def __call__(self, weight: Tensor, dtype: torch.dtype, make: Callable[[], T]) -> T:
        if weight.requires_grad:
            return make()
        # In-place changes count up the version; others move the data.
        version = 0 if weight.is_inference() else weight._version
        mark = (dtype, weight.device, weight.data_ptr(), version)
        if mark != self._mark:
            # Not as inference tensors, which gradients of latents could not pass through later.
            with torch.inference_mode(False), torch.no_grad():
                self._made = make()
            self._mark = mark
        return self._made  # type: ignore[return-value]  # made by the same layer's `make`

    def __deepcopy__(self, memo: object) -> WeightCache:
        return WeightCache()  # a copied layer's weights lie elsewhere
