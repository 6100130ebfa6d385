"""Refining encoded latents by gradient descent on the pixel error."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from latentwalk.progress import Progress, Work
from latentwalk.training.encoder_training import Synthesizer


class LatentEncoder(Protocol):
    """An encoder as refinement uses it, see `models.networks.encoder.Encoder`."""

    scale: Tensor  # the deviation of each number of a latent, [w]

    def __call__(self, images: Tensor) -> Tensor:
        """Estimated latents [N, w] of images [N, C, side, side]."""
        ...


def refine(
    encoder: LatentEncoder, synthesizer: Synthesizer, images: Tensor, steps: int = 100, rate: float = 0.02
) -> Work[Tensor]:
    """Latents [N, w] of images [N, C, side, side]: the encoder's estimates after `steps` steps of descent.

    The rate is in units of the latents' deviation. Every image keeps its best latent along the way, so the result is
    never worse than the encoder's estimate.
    """
    with torch.no_grad():
        start: Tensor = encoder(images)
    offset = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([offset], rate)
    best, lowest = start.clone(), start.new_full((len(start),), math.inf)
    for step in range(steps + 1):
        with torch.enable_grad():  # the caller may run this in inference or no-grad mode
            latents = start + offset * encoder.scale
            errors = (synthesizer.synthesize(latents) - images).square().mean(dim=(1, 2, 3))
            if step < steps:
                (offset.grad,) = torch.autograd.grad(errors.sum(), offset)
        improved = errors.detach() < lowest
        best[improved], lowest[improved] = latents.detach()[improved], errors.detach()[improved]
        if step < steps:
            optimizer.step()
        yield Progress(step / max(steps, 1), f"Error {float(lowest.mean()):.4f}")
    return best
