"""Walks without learning, for a generator whose first layer is linear (Spingarn, Banner, Michaeli 2021, section 3.1).

The first feature map is W z + b. The step q that turns the map of the mean latent into its own transform P b, inside
the valid positions D, solves a least squares problem: q = (W' D W)^-1 W' D (P b - b).
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentwalk.steering.latent_sampling import uniform_classes
from latentwalk.steering.transforms import Transform
from models.base import Generator

FLAT = 1e-5  # deviation of a feature map, as a share of its largest value, below which it counts as flat
SHARE = 0.25  # of the transform's limit: small enough to be linear, large enough to move content between positions


def closed_form_walk(generator: Generator, transform: Transform) -> Tensor | None:
    """The unit vector [D] of a transform that moves content, or None where there is no closed form.

    There is none for recolouring, which says nothing about features; for a first layer that is not linear; and for a
    flat feature map at the mean latent, as in an unconditional DCGAN: moving a flat map changes nothing.
    """
    layer = generator.first_layer(uniform_classes(generator))
    if layer is None or not transform.moves:
        return None
    start = layer.bias.reshape(1, *layer.shape)
    limit = transform.unit.coordinate(transform.limits(generator.spec.resolution)[1]) * SHARE
    scale = layer.shape[-1] / generator.spec.resolution if transform.relative else 1.0
    if float(start.std(dim=(2, 3)).max()) < FLAT * float(start.abs().max()):
        return None
    solutions = []
    for sign in (1, -1):
        moved, mask = transform(start, start.new_tensor([sign * limit * scale]))
        weights = mask.expand_as(start).reshape(-1)
        weighted = layer.weight * weights[:, None]
        difference = weighted.T @ (moved - start).reshape(-1)
        solutions.append(torch.linalg.lstsq(layer.weight.T @ weighted, difference).solution)
    step = solutions[0] - solutions[1]
    unit: Tensor = step / step.norm()
    return unit
