"""The diversity of images over seeds, which shows whether a slider turns every image into the same one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from latentwalk.steering.latent_sampling import LatentBatch, class_indices

SIDES = (32, 8)  # fine enough that faces differ, coarse enough that noise and broken texture do not count as variety


def diversity(images: Tensor, batch: LatentBatch) -> float:
    """The standard deviation between seeds of one class, averaged over the pixels of two reduced sizes.

    It is taken within each class, because a slider may make all seeds of a class alike and still leave the classes
    different. Images are [N, C, H, W] in [-1, 1], of the latents in `batch`; classes with one image are left out.
    """
    kinds = class_indices(batch)
    total, weight = 0.0, 0
    for kind in sorted(set(kinds.tolist())):
        rows = torch.nonzero(kinds == kind).flatten()
        if len(rows) < 2:
            continue
        members = images[rows.to(images.device)]
        deviations = [adaptive_avg_pool2d(members, min(side, members.shape[-1])).std(dim=0).mean() for side in SIDES]
        total += float(torch.stack(deviations).mean()) * len(rows)
        weight += len(rows)
    return total / max(weight, 1)
