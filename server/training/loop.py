"""The training loop: stages of growing side, lazy R1, an averaged generator, progress and a state worth resuming."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from server.steering.progress import Progress, Work
from server.training.augment import augmented
from server.training.curve import snapshot
from server.training.losses import critic_loss, generator_loss, r1
from server.training.recipe import Recipe, Stage
from server.training.sheet import sheet
from server.training.state import State

EVERY = 50  # steps between reports
STORE = 300.0  # seconds between stored states
SHEET = 600.0  # seconds between sheets of samples
CLASS_MEAN = 0.995  # how much of a class's mean w is kept at each step


class Pictures(Protocol):
    """Endless labelled pictures at one side."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]: ...


class Source(Protocol):
    """Pictures at any side."""

    def __call__(self, side: int) -> Pictures: ...


def train(
    recipe: Recipe, source: Source, folder: Path, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Work[State]:
    """Train to the recipe's end, from `folder`'s state where there is one; each Progress is one report, some with a
    sheet of samples.

    The average network is what is kept. Stopping at any moment loses at most `STORE` seconds of work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = source(recipe.stages[0].side)
    state = State.start(recipe, len(first.classes), device)
    if state.resume(folder):
        yield Progress(0.0, f"Going on from {state.seen:,} pictures")
    whole = sum(stage.pictures for stage in recipe.stages)
    begun = 0
    for stage in recipe.stages:
        if state.seen < begun + stage.pictures:
            yield Progress(state.seen / whole, f"Reading the pictures at {stage.side} px")
            pictures = first if stage.side == recipe.stages[0].side else source(stage.side)
            try:
                yield from _stage(recipe, stage, begun, whole, pictures, state, folder, dtype)
            except (KeyboardInterrupt, GeneratorExit):  # somebody stops it: nothing is lost but the step in hand
                state.store(folder)
                raise
        begun += stage.pictures
    state.store(folder)
    return state


def _stage(
    recipe: Recipe, stage: Stage, begun: int, whole: int, pictures: Pictures,
    state: State, folder: Path, dtype: torch.dtype,
) -> Work[None]:  # fmt: skip
    stored, since, at = time.monotonic(), time.monotonic(), state.seen
    shown = 0.0
    sums = torch.zeros(4)
    step = 0
    while state.seen < begun + stage.pictures:
        fade = min((state.seen - begun + 1) / stage.fade, 1.0) if stage.fade else 1.0
        sums += _step(recipe, stage, pictures, state, fade, (state.seen // stage.batch) % recipe.lazy == 0, dtype)
        state.seen += stage.batch
        step += 1
        if time.monotonic() - stored > STORE:
            state.store(folder)
            stored = time.monotonic()
        if step % EVERY == 0:
            speed = (state.seen - at) / (time.monotonic() - since)
            loss_g, loss_d, real, fake = (sums / EVERY).tolist()
            row = {"seen": state.seen, "side": stage.side, "generator": loss_g, "critic": loss_d,
                   "real": real, "fake": fake, "speed": speed}  # fmt: skip
            assert state.log is not None
            state.log.append({key: round(value, 4) for key, value in row.items()})
            sums, since, at = torch.zeros(4), time.monotonic(), state.seen
            message = f"{state.seen:,} of {whole:,} pictures at {stage.side} px, {speed:.0f} a second"
            drawn = None
            if time.monotonic() - shown > SHEET:
                drawn, shown = sheet(state.average, stage.side), time.monotonic()
                snapshot(state.average, state.seen, stage.side, folder / "snapshots")
            yield Progress(state.seen / whole, message, row, drawn)
    state.store(folder)


def _step(
    recipe: Recipe, stage: Stage, pictures: Pictures, state: State, fade: float, penalised: bool, dtype: torch.dtype
) -> Tensor:
    network, critic, device = state.network, state.critic, state.device
    blocks = int(math.log2(stage.side)) - 1
    real, kinds = (drawn.to(device) for drawn in pictures.batch(stage.batch, state.source))
    count = len(pictures.classes)
    classes = one_hot(kinds, count).float() if count else None
    if fade < 1:  # what the critic has not yet learned to see is not shown to it
        small = torch.nn.functional.avg_pool2d(real, 2)
        real = torch.lerp(torch.nn.functional.interpolate(small, scale_factor=2.0), real, fade)

    z = torch.randn(stage.batch, recipe.z, generator=state.source).to(device)
    w = network.mapping(z, classes)
    fake = network.synthesis(w[:, None].expand(-1, network.plan.layers, -1), blocks, dtype)

    critic.requires_grad_(False)
    state.optimisers["network"].zero_grad(set_to_none=True)
    seen_fake = augmented(fake, recipe.augment, state.source)
    loss_g = generator_loss(critic(seen_fake, classes, dtype, fade))
    loss_g.backward()  # type: ignore[no-untyped-call]
    state.optimisers["network"].step()

    critic.requires_grad_(True)
    state.optimisers["critic"].zero_grad(set_to_none=True)
    both = augmented(torch.cat([real, fake.detach()]), recipe.augment, state.source)
    labels = None if classes is None else torch.cat([classes, classes])
    # Both halves in one pass, each compared within itself.
    score_real, score_fake = critic(both, labels, dtype, fade).chunk(2)
    loss_d = critic_loss(score_real, score_fake)
    loss_d.backward()  # type: ignore[no-untyped-call]
    if penalised and recipe.gamma:
        seen = real.requires_grad_(True)
        altered = augmented(seen, recipe.augment, state.source)
        penalty = r1(critic(altered, classes, torch.float32, fade), seen)
        (penalty * (recipe.gamma / 2 * recipe.lazy)).backward()  # type: ignore[no-untyped-call]
    state.optimisers["critic"].step()

    _average(recipe, stage, state)
    with torch.no_grad():
        _mean_latents(state, w.detach(), classes)
    return torch.stack([loss_g, loss_d, score_real.mean(), score_fake.mean()]).detach().cpu()


def _average(recipe: Recipe, stage: Stage, state: State) -> None:
    # The memory grows with the run, so that an early average is not the noise it began with (StyleGAN2-ADA's ramp).
    memory = min(recipe.memory, max(state.seen * 0.05, 1))
    keep = 0.5 ** (stage.batch / memory)
    with torch.no_grad():
        torch._foreach_lerp_(list(state.average.parameters()), list(state.network.parameters()), 1 - keep)


def _mean_latents(state: State, w: Tensor, classes: Tensor | None) -> None:
    mean = state.average.mapping.get_buffer("mean")
    if classes is None:
        mean.lerp_(w.mean(dim=0, keepdim=True), 1 - CLASS_MEAN)
        return
    here = classes.sum(dim=0)
    means = (classes.T @ w) / here.clamp_min(1)[:, None]
    mean.lerp_(means, ((1 - CLASS_MEAN) * (here > 0).float())[:, None].expand_as(mean))
