"""The training loop: stages of growing side, an averaged generator, progress and a state worth resuming."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentwalk.progress import Progress, Work
from latentwalk.training.cuda_graphs import CudaGraph
from latentwalk.training.evaluation.sample_grid import sample_grid
from latentwalk.training.evaluation.snapshots import MOST, snapshot
from latentwalk.training.recipe import Recipe, Stage
from latentwalk.training.state import TrainingState
from latentwalk.training.step import average, step
from latentwalk.training.warm_start import warm_start as begun_with

EVERY = 50  # steps between reports
STORE = 300.0  # seconds between stored states


class Pictures(Protocol):
    """Endless labelled pictures at one side."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]: ...


class Source(Protocol):
    """Pictures at any side."""

    def __call__(self, side: int) -> Pictures: ...


def train(
    recipe: Recipe, source: Source, folder: Path, dtype: torch.dtype,
    device: torch.device | str = "cpu", until: float | None = None, start: Path | None = None,
) -> Work[TrainingState]:  # fmt: skip
    """Train to the recipe's end, from `folder`'s state where there is one; each Progress is one report, some with a
    sheet of samples.

    The average network is what is kept. Stopping at any moment loses at most `STORE` seconds of work. It ends early
    at `until`, a time of time.monotonic(). A new run begins with the generator kept in `start`, where one is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = source(recipe.stages[0].side)
    state = TrainingState.start(recipe, len(first.classes), device)
    if state.resume(folder):
        yield Progress(0.0, f"Going on from {state.seen:,} pictures")
    elif start is not None:
        begun_with(state.network, start)
        state.average.load_state_dict(state.network.state_dict())
    begun = 0
    for stage in recipe.stages:
        if state.seen < begun + stage.pictures and not _over(until):
            yield Progress(state.seen / recipe.length, f"Reading the pictures at {stage.side} px")
            pictures = first if stage.side == recipe.stages[0].side else source(stage.side)
            try:
                yield from _stage(recipe, stage, begun, pictures, state, folder, dtype, until)
            except (KeyboardInterrupt, GeneratorExit):  # somebody stops it: nothing is lost but the step in hand
                state.store(folder)
                raise
        begun += stage.pictures
    state.store(folder)
    return state


def _stage(
    recipe: Recipe, stage: Stage, begun: int, pictures: Pictures,
    state: TrainingState, folder: Path, dtype: torch.dtype, until: float | None,
) -> Work[None]:  # fmt: skip
    stored, since, at = time.monotonic(), time.monotonic(), state.seen
    shown = state.seen * MOST // recipe.length if state.seen else -1
    sums = torch.zeros(4, device=state.device)
    steps = _Steps(recipe, stage, state, dtype)
    done = 0
    while state.seen < begun + stage.pictures and not _over(until):
        fade = min((state.seen - begun + 1) / stage.fade, 1.0) if stage.fade else 1.0
        sums += steps(pictures, fade)
        state.seen += stage.batch
        done += 1
        if time.monotonic() - stored > STORE:
            state.store(folder)
            stored = time.monotonic()
        if done % EVERY == 0:
            loss_g, loss_d, real, fake = (sums / EVERY).tolist()  # waits for the device
            speed = (state.seen - at) / (time.monotonic() - since)
            row = {"seen": state.seen, "side": stage.side, "generator": loss_g, "critic": loss_d,
                   "real": real, "fake": fake, "speed": speed}  # fmt: skip
            assert state.log is not None
            state.log.append({key: round(value, 4) for key, value in row.items()})
            message = f"{state.seen:,} of {recipe.length:,} pictures at {stage.side} px, {speed:.0f} a second"
            drawn = None
            if state.seen * MOST // recipe.length > shown:
                drawn, shown = sample_grid(state.average, stage.side), state.seen * MOST // recipe.length
                snapshot(state.average, state.seen, stage.side, folder / "snapshots")
            yield Progress(state.seen / recipe.length, message, row, drawn)
            sums, since, at = torch.zeros_like(sums), time.monotonic(), state.seen
    if not _over(until):
        state.store(folder)


class _Steps:
    # A stage's steps, one a call: pictures and latents drawn, both networks moved, the average after them.
    def __init__(self, recipe: Recipe, stage: Stage, state: TrainingState, dtype: torch.dtype) -> None:
        self.recipe, self.stage, self.state, self.dtype = recipe, stage, state, dtype
        self.recorded: dict[tuple[bool, bool], CudaGraph] = {}
        # Augmentations draw on the CPU in the middle of a step, which no recording repeats.
        self.records = state.device.type == "cuda" and not recipe.augment

    def __call__(self, pictures: Pictures, fade: float) -> Tensor:
        recipe, stage, state = self.recipe, self.stage, self.state
        real, kinds = pictures.batch(stage.batch, state.source)
        labels = one_hot(kinds, len(pictures.classes)).float() if pictures.classes else None
        z = torch.randn(stage.batch, recipe.z, generator=state.source)
        real, z = (drawn.to(state.device, non_blocking=True) for drawn in (real, z))
        classes = None if labels is None else labels.to(state.device, non_blocking=True)
        penalised, alone = (state.seen // stage.batch) % recipe.lazy == 0, state.seen < recipe.alone
        how: Callable[..., Tensor] = partial(step, recipe, stage, state, self.dtype, fade, penalised, alone)
        if self.records and fade == 1:
            if (penalised, alone) not in self.recorded:
                self.recorded[penalised, alone] = CudaGraph(how)
            how = self.recorded[penalised, alone]
        found = how(real, classes, z)
        average(recipe, stage, state)
        return found


def _over(until: float | None) -> bool:
    return until is not None and time.monotonic() > until
