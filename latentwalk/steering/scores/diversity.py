"""How much seeds still differ: the guard against a slider that turns every picture into the same one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDES = (32, 8)  # fine enough for faces to differ, coarse enough that noise and broken texture do not count as variety


def spread_of(images: Tensor, classes: Tensor | None) -> float:
    """Standard deviation between seeds inside each class, averaged over the pixels of two reduced sizes.

    Inside each class, because a slider may make all seeds of a class alike and still leave the classes apart.
    Images [N, C, H, W] in [-1, 1], class weights [N, K] or None; classes with one picture are left out.
    """
    kinds = torch.zeros(len(images), dtype=torch.long) if classes is None else classes.argmax(dim=1).cpu()
    groups = [torch.nonzero(kinds == kind).flatten() for kind in sorted(set(kinds.tolist()))]
    total, weight = 0.0, 0
    for group in groups:
        if len(group) < 2:
            continue
        chosen = images[group.to(images.device)]
        deviations = [adaptive_avg_pool2d(chosen, min(side, chosen.shape[-1])).std(dim=0).mean() for side in SIDES]
        total += float(torch.stack(deviations).mean()) * len(group)
        weight += len(group)
    return total / max(weight, 1)
