"""The correlation, over classes, of training-data variability with how far a generator can be steered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

SHUFFLES = 20_000
FEWEST = 4  # classes; with fewer, a correlation means nothing


def correlation(classes: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Pearson's `r` over classes of (data variability, amount reached), their number `n`, and `p`.

    `p` is the share of random pairings whose correlation is as far from zero (a permutation test), never below one
    in 20,001. `r` and `p` are None for fewer than four classes and if one of the two quantities is constant.
    """
    pairs = torch.tensor(list(classes.values()), dtype=torch.float64).reshape(-1, 2)
    centred = pairs - pairs.mean(dim=0)
    norms = centred.norm(dim=0)
    if len(pairs) < FEWEST or float(norms.min()) <= 1e-9:
        return {"r": None, "n": len(pairs), "p": None}
    variability, reached = (centred / norms).unbind(dim=1)
    r = float(variability @ reached)
    source = torch.Generator().manual_seed(0)
    orders = torch.stack([torch.randperm(len(reached), generator=source) for _ in range(SHUFFLES)])
    extreme = int(((reached[orders] @ variability).abs() >= abs(r) - 1e-12).sum())
    return {"r": round(r, 3), "n": len(pairs), "p": round((extreme + 1) / (SHUFFLES + 1), 5)}
