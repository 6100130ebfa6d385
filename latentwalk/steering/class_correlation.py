"""The correlation over classes of how much training pictures were made to vary and how far a generator follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

SHUFFLES = 20_000
FEWEST = 4  # classes; fewer say nothing about a correlation


def correlation(classes: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Pearson's `r` over classes of (designed, reached), `n` of them, and `p`.

    `p` is the share of random pairings whose correlation is as far from zero, never below one in 20,001. `r` and `p`
    are None for fewer than four classes and where one of the two does not vary.
    """
    pairs = torch.tensor(list(classes.values()), dtype=torch.float64).reshape(-1, 2)
    centred = pairs - pairs.mean(dim=0)
    sizes = centred.norm(dim=0)
    if len(pairs) < FEWEST or float(sizes.min()) <= 1e-9:
        return {"r": None, "n": len(pairs), "p": None}
    known, seen = (centred / sizes).unbind(dim=1)
    r = float(known @ seen)
    source = torch.Generator().manual_seed(0)
    shuffled = torch.stack([seen[torch.randperm(len(seen), generator=source)] for _ in range(SHUFFLES)]) @ known
    as_far = int((shuffled.abs() >= abs(r) - 1e-12).sum())
    return {"r": round(r, 3), "n": len(pairs), "p": round((as_far + 1) / (SHUFFLES + 1), 5)}
