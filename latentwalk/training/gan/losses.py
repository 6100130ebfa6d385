"""The losses of adversarial training: the non-saturating loss and the R1 penalty."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def generator_loss(fake: Tensor) -> Tensor:
    """-log D(G(z)), the non-saturating loss (Goodfellow et al. 2014, section 3), of scores [N]."""
    return softplus(-fake).mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), of scores [N] each."""
    return softplus(-real).mean() + softplus(fake).mean()


def r1_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """The mean squared norm of the score's gradient at real images (Mescheder et al. 2018); differentiable."""
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
