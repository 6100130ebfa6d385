"""One step of training: the generator's, the critic's with its lazy penalty, and the means of every class's latents.

Nothing here waits for the device: what a step found stays there as a tensor, so that steps can be queued one after
another, or recorded once and played back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from latentwalk.training.data.augmentation import augment
from latentwalk.training.losses import discriminator_loss, generator_loss, r1_penalty
from latentwalk.training.recipe import Recipe, Stage
from latentwalk.training.state import TrainingState

CLASS_MEAN = 0.995  # how much of a class's mean w is kept at each step


def step(
    recipe: Recipe, stage: Stage, state: TrainingState, dtype: torch.dtype, fade: float, penalised: bool, alone: bool,
    real: Tensor, classes: Tensor | None, z: Tensor,
) -> Tensor:  # fmt: skip
    """Both networks one step on, or the critic `alone`.

    Takes pictures `real` [N, C, R, R] of `classes` [N, K] and the latents `z` [N, z].

    Returns the losses of generator and critic and the mean scores of real and made pictures, [4].
    """
    network, critic = state.network, state.critic
    blocks = int(math.log2(stage.side)) - 1
    if fade < 1:  # what the critic has not yet learned to see is not shown to it
        real = torch.lerp(interpolate(avg_pool2d(real, 2), scale_factor=2.0), real, fade)
    w = network.mapping(z, classes)
    fake = network.synthesis(w[:, None].expand(-1, network.config.layers, -1), blocks, dtype)

    critic.requires_grad_(False)
    state.optimisers["network"].zero_grad(set_to_none=True)
    seen_fake = augment(fake, recipe.augment, state.source)
    loss_g = generator_loss(critic(seen_fake, classes, dtype, fade))
    if not alone:
        loss_g.backward()  # type: ignore[no-untyped-call]
        state.optimisers["network"].step()

    critic.requires_grad_(True)
    state.optimisers["critic"].zero_grad(set_to_none=True)
    both = augment(torch.cat([real, fake.detach()]), recipe.augment, state.source)
    labels = None if classes is None else torch.cat([classes, classes])
    # Both halves in one pass, each compared within itself.
    score_real, score_fake = critic(both, labels, dtype, fade).chunk(2)
    loss_d = discriminator_loss(score_real, score_fake)
    loss_d.backward()  # type: ignore[no-untyped-call]
    gamma = recipe.gamma if stage.gamma is None else stage.gamma
    if penalised and gamma:
        seen = real.detach().requires_grad_(True)
        altered = augment(seen, recipe.augment, state.source)
        penalty = r1_penalty(critic(altered, classes, torch.float32, fade), seen)
        (penalty * (gamma / 2 * recipe.lazy)).backward()  # type: ignore[no-untyped-call]
    state.optimisers["critic"].step()

    with torch.no_grad():
        _mean_latents(state, w.detach(), classes)
    return torch.stack([loss_g, loss_d, score_real.mean(), score_fake.mean()]).detach()


def average(recipe: Recipe, stage: Stage, state: TrainingState) -> None:
    """The averaged generator one step on.

    Its memory grows with the run, so that an early average is not the noise it began with (StyleGAN2-ADA's ramp).
    """
    memory = min(recipe.memory, max(state.seen * 0.05, 1))
    keep = 0.5 ** (stage.batch / memory)
    with torch.no_grad():
        torch._foreach_lerp_(list(state.average.parameters()), list(state.network.parameters()), 1 - keep)


def _mean_latents(state: TrainingState, w: Tensor, classes: Tensor | None) -> None:
    mean = state.average.mapping.get_buffer("mean")
    if classes is None:
        mean.lerp_(w.mean(dim=0, keepdim=True), 1 - CLASS_MEAN)
        return
    here = classes.sum(dim=0)
    means = (classes.T @ w) / here.clamp_min(1)[:, None]
    mean.lerp_(means, ((1 - CLASS_MEAN) * (here > 0).float())[:, None].expand_as(mean))
