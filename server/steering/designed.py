"""How far each class goes along a slider beside how much its training pictures were made to vary, where that is known.

The claim of "On the steerability of GANs" (Jahanian, Chai, Isola 2020, section 4.2) is that the two go together; there
the variability of the data was estimated, here it is exact because the pictures were composed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from server.units import Unit

SHUFFLES = 20_000
FEWEST = 4  # classes; fewer say nothing about a correlation

Design = Mapping[str, Mapping[str, float]]


def beside(card: Mapping[str, Any], design: Design, transform: str, unit: Unit) -> dict[str, Any] | None:
    """The correlation over classes of half spans designed and reached; None where either is not known.

    `design` holds for each transform and class the largest amount, in the unit, by which training pictures were
    edited either way. `reached` of a class is half of what lies between the ends of the slider's range, `r` is
    Pearson's, `p` the share of random pairings of classes whose correlation is as far from zero.
    """
    wanted = design.get(transform, {})
    classes = {
        name: [round(unit.coordinate(wanted[name]), 4), round(_half(found["reached"], unit), 4)]
        for name, found in card.get("per_class", {}).items()
        if name in wanted and "reached" in found
    }
    if len(classes) < FEWEST:
        return None
    pairs = torch.tensor(list(classes.values()), dtype=torch.float64)
    centred = pairs - pairs.mean(dim=0)
    sizes = centred.norm(dim=0)
    if float(sizes.min()) == 0:
        return None
    known, seen = (centred / sizes).unbind(dim=1)
    r = float(known @ seen)
    source = torch.Generator().manual_seed(0)
    shuffled = torch.stack([seen[torch.randperm(len(seen), generator=source)] for _ in range(SHUFFLES)]) @ known
    as_far = int((shuffled.abs() >= abs(r) - 1e-12).sum())
    return {"r": round(r, 3), "n": len(classes), "p": round((as_far + 1) / (SHUFFLES + 1), 5), "classes": classes}


def _half(ends: list[float], unit: Unit) -> float:
    low, high = (unit.coordinate(end) for end in ends)
    return (high - low) / 2
