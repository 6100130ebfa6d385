"""Sliders for moves that a network makes exactly, and the comparison of learned sliders with them.

StyleGAN3 synthesises from Fourier features on a grid (Karras et al. 2021, section 3.2): shifting or rotating the grid
shifts or rotates the image, independently of what was learned. Such a slider is the ground truth for the learned one
of the same name.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.latents.latent_codec import append_style_rows, limit_to_layers
from latentwalk.rendering.precision import psnr
from latentwalk.steering import transforms
from latentwalk.steering.latent_sampling import LatentBatch
from models.base import MOVES, Generator
from models.specs import GeneratorSpec

PREFIX = "exact_"
AXES = {"shift_x": (0, 1.0), "shift_y": (1, -1.0), "rotate": (2, 1.0)}  # index among the moves, and its sign
REACH = {"shift_x": 0.25, "shift_y": 0.25, "rotate": 90.0}  # shares of the image side; degrees
NOTES = {
    "shift_x": "Exact: the network's input grid is shifted; nothing is learned.",
    "shift_y": "Exact: the network's input grid is shifted; nothing is learned.",
    "rotate": "The network's input grid is rotated. Details rotate with it if it was trained for that (-R, not -T).",
}
STEPS = 4  # amounts each way at which a learned slider is compared with the exact move


def exact_directions(spec: GeneratorSpec) -> list[Direction]:
    """A slider for each move that the network makes exactly; none for most generators."""
    return [_slider(spec, name) for name in spec.exact if name in AXES]


def psnr_against_exact(generator: Generator, direction: Direction, name: str, batch: LatentBatch) -> list[list[float]]:
    """Rows of [asked, dB, dB] over a slider's range: the mean PSNR of the learned slider's images, and of unchanged
    images, both against the exact move `name` of the same latents.
    """
    exact, unit = _slider(generator.spec, name), direction.unit
    low, high = (unit.coordinate(end) for end in direction.range)
    rows = []
    for share in [number / STEPS for number in range(-STEPS, STEPS + 1)]:
        amount = unit.amount(-share * low if share < 0 else share * high)
        values: list[Tensor] = []
        for one in batch.split(1):
            with torch.no_grad():
                layers = one.latents[:, None].repeat(1, generator.spec.layers, 1)
                target = generator.synthesize(
                    append_style_rows(layers, generator, [(exact, exact.steps(amount))]), one.classes
                )
                moved = one.latents + direction.displacement(one.latents, amount, one.classes)
                moved = limit_to_layers(one.latents, moved, direction.layers, generator.spec.layers)
                steered, unchanged = (generator.synthesize(w, one.classes) for w in (moved, one.latents))
            values.append(torch.stack([psnr(target, steered), psnr(target, unchanged)], dim=1))
        rows.append([amount, *torch.cat(values).mean(dim=0).tolist()])
    return rows


def _slider(spec: GeneratorSpec, name: str) -> Direction:
    transform = transforms.find(name)
    axis, sign = AXES[name]
    vector = torch.zeros(MOVES)
    vector[axis] = sign
    reach, rate = REACH[name], 1.0
    if name != "rotate":
        reach, rate = REACH[name] * spec.resolution, 1 / spec.resolution
    ends = (-reach, reach)
    return Direction(
        id=PREFIX + name,
        name=f"{transform.title}, exact",
        group=transform.group,
        generator=spec.name,
        fingerprint=spec.fingerprint,
        space="move",
        unit=transform.unit,
        walk=LinearWalk(vector),
        curve=Curve.straight(rate, reach),
        range=ends,
        track=ends,
        requested_range=ends,
        method="exact",
        seed=0,
        created=f"{spec.card.year}-01-01",
        verdict="strong" if name != "rotate" else "partial",
        note=NOTES[name],
        licence=spec.card.licence,
    )
