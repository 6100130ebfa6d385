"""Watching a walk while it is learned: a held-out set that decides which one is kept, and what people see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.latents.latent_codec import limit_to_layers
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.learning.optimizer import Losses
from latentwalk.steering.loss import multiscale_error
from latentwalk.steering.preview_strips import picture_row
from latentwalk.steering.transforms import Transform
from models.base import Generator

CHUNK = 8  # pictures per chunk: short enough for sliders to stay live in between
WATCHED = 32


class Validation:
    """The held-out set that decides which walk is kept, and the strip a person sees meanwhile."""

    def __init__(
        self, generator: Generator, transform: Transform, limit: float, layers: tuple[int, int] | None
    ) -> None:
        self.generator, self.transform, self.layers = generator, transform, layers
        self.drawn = sample_latents(generator, WATCHED, Role.WATCH)
        self.shares = torch.linspace(-1, 1, WATCHED, device=generator.device)
        self.limit = limit
        self.targets: list[tuple[Tensor, Tensor]] = []

    def loss(self, walk: Walk, full: float, step: int, steps: int, losses: Losses) -> Work[float]:
        """The mean loss of the held-out set; step `full` of the walk stands for `limit`."""
        total = 0.0
        for index, chunk in enumerate(self.drawn.split(CHUNK)):
            share = self.shares[index * CHUNK : index * CHUNK + len(chunk)]
            with torch.no_grad():
                if index == len(self.targets):  # the originals never change: edit them once
                    originals = self.generator.synthesize(chunk.latents, chunk.classes)
                    self.targets.append(self.transform(originals, share * self.limit))
                images = walked(self.generator, walk, self.layers, chunk, share * full)
                total += float(multiscale_error(images, *self.targets[index]).sum())
            yield progress(step, steps, losses)
        return total / WATCHED

    def strip(self, walk: Walk, full: float) -> Tensor:
        """One latent along the walk: uint8 [H, 7 W, 3]."""
        one = next(self.drawn.split(1))
        steps = [full * share for share in (-1.5, -1, -0.5, 0, 0.5, 1, 1.5)]
        return picture_row(self.generator, walk, one, steps, self.layers)


def progress(step: int, steps: int, losses: Losses, strip: Tensor | None = None) -> Progress:
    """Where learning is, with at most 200 points of its losses."""
    every = max(1, -(-len(losses) // 180))
    points = [point for point in losses if point[2] is not None or point[0] % every == 0]  # type: ignore[operator]
    detail: Mapping[str, Any] = {"step": step, "steps": steps, "loss": points[-200:]}
    return Progress(step / steps, f"Step {step} of {steps}", detail, strip)


def walked(
    generator: Generator, walk: Walk, layers: tuple[int, int] | None, chunk: LatentBatch, steps: Tensor
) -> Tensor:
    """Images of a chunk of latents moved along a walk by `steps`, on the layers that it acts on."""
    moved = walk.move(chunk.latents, steps)
    return generator.synthesize(limit_to_layers(chunk.latents, moved, layers, generator.spec.layers), chunk.classes)
