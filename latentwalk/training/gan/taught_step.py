"""One step of teaching a generator pictures whose latents are known: reconstruction in place of an adversary."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from latentwalk.training.gan.state import TrainingState
from latentwalk.training.gan.step import update_class_means
from latentwalk.training.recipe import Stage

SCALES = 3  # the picture, and its halves
EDGES = 1.0  # weight of the differences between neighbouring pixels, which blur costs most


def taught_step(
    stage: Stage, state: TrainingState, dtype: torch.dtype, real: Tensor, classes: Tensor | None, z: Tensor
) -> Tensor:
    """Update the generator once, so that latents `z` [N, z] of `classes` [N, K] give the images `real` [N, C, R, R].

    Returns the loss and the mean squared error, twice each, in place of an adversary's figures: [4].
    """
    network = state.network
    blocks = int(math.log2(stage.side)) - 1
    w = network.mapping(z, classes)
    made = network.synthesis(w[:, None].expand(-1, network.config.layers, -1), blocks, dtype)
    loss = reconstruction_loss(made, real)
    state.optimizers["network"].zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizers["network"].step()
    with torch.no_grad():
        update_class_means(state, w.detach(), classes)
        error = (made - real).square().mean()
    return torch.stack([loss, error, loss, error]).detach()


def reconstruction_loss(made: Tensor, real: Tensor) -> Tensor:
    """The mean absolute difference of images [N, C, R, R], and of their edges, over `SCALES` resolutions."""
    total = made.new_zeros(())
    for scale in range(SCALES):
        difference = made - real
        edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        total = total + difference.abs().mean() + EDGES * edges
        if scale < SCALES - 1:
            made, real = avg_pool2d(made, 2), avg_pool2d(real, 2)
    return total
