"""One training step: the generator's update, the discriminator's with its lazy penalty, and the class means of w.

Nothing here waits for the device: results stay there as tensors, so that steps can be queued one after another, or
recorded once as a CUDA graph and replayed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from latentwalk.training.data.augmentation import augment
from latentwalk.training.gan.losses import discriminator_loss, generator_loss, r1_penalty
from latentwalk.training.gan.state import TrainingState
from latentwalk.training.recipe import Recipe, Stage

CLASS_MEAN_DECAY = 0.995  # of the moving average of a class's mean w, per step


def step(
    recipe: Recipe, stage: Stage, state: TrainingState, dtype: torch.dtype, fade: float, penalise: bool, alone: bool,
    real: Tensor, classes: Tensor | None, z: Tensor,
) -> Tensor:  # fmt: skip
    """Update both networks once, or only the discriminator if `alone`.

    Takes real images [N, C, R, R] of `classes` [N, K] and latents `z` [N, z]. `fade` in [0, 1] blends in the stage's
    resolution; `penalise` adds the R1 penalty. Returns the generator's loss, the discriminator's loss and its mean
    scores of real and of generated images: [4].
    """
    network, discriminator = state.network, state.discriminator
    blocks = int(math.log2(stage.side)) - 1
    if fade < 1:  # detail that the discriminator is not trained on yet is removed from the real images, too
        real = torch.lerp(interpolate(avg_pool2d(real, 2), scale_factor=2.0), real, fade)
    w = network.mapping(z, classes)
    fake = network.synthesis(w[:, None].expand(-1, network.config.layers, -1), blocks, dtype)

    discriminator.requires_grad_(False)
    state.optimizers["network"].zero_grad(set_to_none=True)
    augmented = augment(fake, recipe.augment, state.source)
    loss_g = generator_loss(discriminator(augmented, classes, dtype, fade))
    if not alone:
        loss_g.backward()  # type: ignore[no-untyped-call]
        state.optimizers["network"].step()

    discriminator.requires_grad_(True)
    state.optimizers["critic"].zero_grad(set_to_none=True)
    both = augment(torch.cat([real, fake.detach()]), recipe.augment, state.source)
    labels = None if classes is None else torch.cat([classes, classes])
    # Both halves go through in one pass; the minibatch deviation is taken within each.
    score_real, score_fake = discriminator(both, labels, dtype, fade).chunk(2)
    loss_d = discriminator_loss(score_real, score_fake)
    loss_d.backward()  # type: ignore[no-untyped-call]
    gamma = recipe.gamma if stage.gamma is None else stage.gamma
    if penalise and gamma:
        inputs = real.detach().requires_grad_(True)
        augmented = augment(inputs, recipe.augment, state.source)
        penalty = r1_penalty(discriminator(augmented, classes, torch.float32, fade), inputs)
        (penalty * (gamma / 2 * recipe.lazy)).backward()  # type: ignore[no-untyped-call]
    state.optimizers["critic"].step()

    with torch.no_grad():
        update_class_means(state, w.detach(), classes)
    return torch.stack([loss_g, loss_d, score_real.mean(), score_fake.mean()]).detach()


def update_average(recipe: Recipe, stage: Stage, state: TrainingState) -> None:
    """Update the averaged generator once.

    Its half-life grows with the run, so that an early average is not dominated by the random initialisation
    (StyleGAN2-ADA's ramp).
    """
    half_life = min(recipe.memory, max(state.images * 0.05, 1))
    decay = 0.5 ** (stage.batch / half_life)
    with torch.no_grad():
        torch._foreach_lerp_(list(state.average.parameters()), list(state.network.parameters()), 1 - decay)


def update_class_means(state: TrainingState, w: Tensor, classes: Tensor | None) -> None:
    """Let the mean w of each class follow those of a batch: w [N, w], classes [N, K]."""
    mean = state.average.mapping.get_buffer("mean")
    if classes is None:
        mean.lerp_(w.mean(dim=0, keepdim=True), 1 - CLASS_MEAN_DECAY)
        return
    counts = classes.sum(dim=0)
    means = (classes.T @ w) / counts.clamp_min(1)[:, None]
    mean.lerp_(means, ((1 - CLASS_MEAN_DECAY) * (counts > 0).float())[:, None].expand_as(mean))
