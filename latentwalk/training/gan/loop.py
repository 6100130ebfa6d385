"""The training loop: stages of growing image side, an averaged generator, progress reports and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from latentwalk.progress import Progress, Work
from latentwalk.training.evaluation.sample_grid import sample_grid
from latentwalk.training.evaluation.snapshots import FOLDER as SNAPSHOTS
from latentwalk.training.evaluation.snapshots import MOST, write_snapshot
from latentwalk.training.gan.cuda_graphs import CudaGraph
from latentwalk.training.gan.state import TrainingState
from latentwalk.training.gan.step import step, update_average
from latentwalk.training.gan.taught_step import taught_step
from latentwalk.training.gan.warm_start import warm_start
from latentwalk.training.recipe import Recipe, Stage

EVERY = 50  # steps between progress reports
STORE = 300.0  # seconds between checkpoints


class TrainingImages(Protocol):
    """An endless source of labelled images at one side."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; empty for images without classes."""
        ...

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [count, 3, side, side] in [-1, 1] and their class indices [count]."""
        ...


class TaughtImages(TrainingImages, Protocol):
    """Images whose latents are known."""

    def examples(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """As `batch`, with the latents [count, z]."""
        ...


class ImageSource(Protocol):
    """Opens the training images at any side."""

    def __call__(self, side: int) -> TrainingImages:
        """The images at a side, in pixels."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Where and how a recipe is trained.

    `folder` holds the checkpoint and the snapshots. Training stops early at `until`, a time of time.monotonic(). A new
    run starts from the generator in the folder `start`, if that is given.
    """

    folder: Path
    dtype: torch.dtype = torch.float32
    device: torch.device | str = "cpu"
    until: float | None = None
    start: Path | None = None

    @property
    def is_out_of_time(self) -> bool:
        """Whether `until` has passed."""
        return self.until is not None and time.monotonic() > self.until


def train(recipe: Recipe, source: ImageSource, run: TrainingRun) -> Work[TrainingState]:
    """Train to the end of the recipe, from the checkpoint in the run's folder if there is one.

    Each Progress is one report, some with a grid of samples. An interruption loses at most `STORE` seconds of work.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    first = source(recipe.stages[0].side)
    state = TrainingState.start(recipe, len(first.classes), run.device)
    if state.resume(run.folder):
        yield Progress(0.0, f"Resuming after {state.images:,} pictures")
    elif run.start is not None:
        warm_start(state.network, run.start)
        state.average.load_state_dict(state.network.state_dict())
    end = 0
    for stage in recipe.stages:
        end += stage.pictures
        if state.images < end and not run.is_out_of_time:
            yield Progress(state.images / recipe.length, f"Reading the pictures at {stage.side} px")
            images = first if stage.side == recipe.stages[0].side else source(stage.side)
            try:
                yield from _train_stage(recipe, stage, end, images, state, run)
            except (KeyboardInterrupt, GeneratorExit):  # interrupted: only the current step is lost
                state.store(run.folder)
                raise
    state.store(run.folder)
    return state


def _train_stage(
    recipe: Recipe, stage: Stage, end: int, images: TrainingImages, state: TrainingState, run: TrainingRun
) -> Work[None]:
    last_store, last_report, last_images = time.monotonic(), time.monotonic(), state.images
    last_snapshot = state.images * MOST // recipe.length if state.images else -1
    sums = torch.zeros(4, device=state.device)
    steps = _StageSteps(recipe, stage, state, run.dtype)
    count = 0
    while state.images < end and not run.is_out_of_time:
        position = state.images - (end - stage.pictures) + 1
        sums += steps.next(images, fade=min(position / stage.fade, 1.0) if stage.fade else 1.0)
        state.images += stage.batch
        count += 1
        if time.monotonic() - last_store > STORE:
            state.store(run.folder)
            last_store = time.monotonic()
        if count % EVERY == 0:
            loss_g, loss_d, real, fake = (sums / EVERY).tolist()  # synchronises with the device
            speed = (state.images - last_images) / (time.monotonic() - last_report)
            row = {"seen": state.images, "side": stage.side, "generator": loss_g, "critic": loss_d,
                   "real": real, "fake": fake, "speed": speed}  # fmt: skip
            state.log.append({key: round(value, 4) for key, value in row.items()})
            grid = None
            if (number := state.images * MOST // recipe.length) > last_snapshot:
                grid, last_snapshot = sample_grid(state.average, stage.side), number
                write_snapshot(state.average, state.images, stage.side, run.folder / SNAPSHOTS)
            message = f"{state.images:,} of {recipe.length:,} pictures at {stage.side} px, {speed:.0f} a second"
            yield Progress(state.images / recipe.length, message, row, grid)
            sums, last_report, last_images = torch.zeros_like(sums), time.monotonic(), state.images
    if not run.is_out_of_time:
        state.store(run.folder)


class _StageSteps:
    # The steps of a stage: each samples images and latents, updates both networks and then the average.
    def __init__(self, recipe: Recipe, stage: Stage, state: TrainingState, dtype: torch.dtype) -> None:
        self.recipe, self.stage, self.state, self.dtype = recipe, stage, state, dtype
        self.graphs: dict[tuple[bool, bool], CudaGraph] = {}
        # Augmentations draw random numbers on the CPU in the middle of a step, which a graph cannot replay.
        self.can_record = state.device.type == "cuda" and not recipe.augment

    def next(self, images: TrainingImages, fade: float) -> Tensor:
        recipe, stage, state = self.recipe, self.stage, self.state
        if stage.loss == "taught":
            real, kinds, z = cast(TaughtImages, images).examples(stage.batch, state.source)
        else:
            real, kinds = images.batch(stage.batch, state.source)
            z = torch.randn(stage.batch, recipe.z, generator=state.source)
        labels = one_hot(kinds, len(images.classes)).float() if images.classes else None
        real, z = (tensor.to(state.device, non_blocking=True) for tensor in (real, z))
        classes = None if labels is None else labels.to(state.device, non_blocking=True)
        penalise, alone = (state.images // stage.batch) % recipe.lazy == 0, state.images < recipe.alone
        run: Callable[..., Tensor] = partial(step, recipe, stage, state, self.dtype, fade, penalise, alone)
        if stage.loss == "taught":
            run, penalise, alone = partial(taught_step, stage, state, self.dtype), False, False
        if self.can_record and fade == 1:
            if (penalise, alone) not in self.graphs:
                self.graphs[penalise, alone] = CudaGraph(run)
            run = self.graphs[penalise, alone]
        figures = run(real, classes, z)
        update_average(recipe, stage, state)
        return figures
