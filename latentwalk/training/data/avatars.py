"""Avatars composed during training: a drawing, placed, scaled, rotated and mirrored on a coloured background.

How much each class varies is set here and nowhere else, so the data variability that steerability is compared with is
known exactly. The levels form an orthogonal array of twelve runs: each transform has four levels, each held by three
classes, and no two transforms are confounded (of the sixteen pairs of levels of any two, twelve occur once each).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from latentwalk.errors import Invalid

STYLES = (
    "adventurer", "avataaars", "bigEars", "bigSmile", "bottts", "dylan",
    "funEmoji", "lorelei", "micah", "personas", "thumbs", "toonHead",
)  # fmt: skip
ZOOM = (0.0, 0.25, 0.5, 0.75)  # half the span, in octaves
SHIFT = (0.0, 0.07, 0.14, 0.21)  # half the span, as a share of the side
TURN = (0.0, 10.0, 20.0, 30.0)  # half the span, in degrees
FILL = 0.68  # the side of a drawing as a share of the image side, at zoom 1


@dataclass(frozen=True, slots=True)
class Variability:
    """The half-spans of a class's uniform distributions: zoom in octaves, shifts as shares of the side, rotation in
    degrees."""

    zoom: float
    shift_x: float
    shift_y: float
    rotate: float


def _multiply(a: int, b: int) -> int:
    # Multiplication in the field of four elements, {0, 1, x, x + 1} with x * x = x + 1.
    if a == 0 or b == 0:
        return 0
    return (a - 1 + b - 1) % 3 + 1


# Bush's construction: columns a, b, a + b, a + 2b over the field of four, without the runs whose a + 3b is zero.
_RUNS = [(a, b, a ^ b, a ^ _multiply(2, b)) for a in range(4) for b in range(4) if a ^ _multiply(3, b)]
DESIGN: Mapping[str, Variability] = {
    style: Variability(ZOOM[run[0]], SHIFT[run[1]], SHIFT[run[2]], TURN[run[3]])
    for style, run in zip(STYLES, _RUNS, strict=True)
}


def variability(side: int) -> dict[str, dict[str, float]]:
    """The design in slider units for images of a side: the largest amount by transform and class."""
    rows = DESIGN.items()
    return {
        "zoom": {style: 2**row.zoom for style, row in rows},
        "shift_x": {style: row.shift_x * side for style, row in rows},
        "shift_y": {style: row.shift_y * side for style, row in rows},
        "rotate": {style: row.rotate for style, row in rows},
    }


class Avatars:
    """Endless batches of avatars at one side; `part` is "train" or "held-out".

    Random numbers are drawn on the CPU, so that a seed gives the same images everywhere; images are composed on
    `device`. Raises Invalid if the drawings are missing.
    """

    classes = STYLES

    def __init__(self, folder: Path, side: int, part: str = "train", device: torch.device | str = "cpu") -> None:
        self.side = side
        drawings = [_downsample(_read(folder / f"{style}-{part}.npy"), side, torch.device(device)) for style in STYLES]
        self.counts = torch.tensor([len(group) for group in drawings])
        self.firsts = self.counts.cumsum(0) - self.counts
        self.drawings = torch.cat(drawings)
        rows = [DESIGN[style] for style in STYLES]
        self.spans = torch.tensor([[row.zoom, row.shift_x, row.shift_y, row.rotate] for row in rows])

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [count, 3, side, side] in [-1, 1] and their class indices [count], drawn uniformly."""
        kinds = torch.randint(len(STYLES), (count,), generator=source)
        return self.of(kinds, source), kinds

    def of(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        """One newly composed image for each class index."""
        picks = torch.rand(len(kinds), generator=source).double()
        rows = self.firsts[kinds] + (picks * self.counts[kinds]).long()
        amounts = (torch.rand(len(kinds), 4, generator=source) * 2 - 1) * self.spans[kinds]
        flip = torch.rand(len(kinds), generator=source) < 0.5
        background = backgrounds(len(kinds), source)
        device = self.drawings.device
        rows, amounts, flip, background = (
            tensor.to(device, non_blocking=True) for tensor in (rows, amounts, flip, background)
        )
        return compose(self.drawings[rows].float() / 255, amounts, flip, background, self.side)


def compose(rgba: Tensor, amounts: Tensor, flip: Tensor, background: Tensor, side: int) -> Tensor:
    """Premultiplied drawings [N, 4, S, S] on flat backgrounds [N, 3], composed at twice the side, then halved.

    `amounts` [N, 4]: zoom in octaves, shift right and down as shares of the side, counterclockwise rotation in
    degrees. `flip` [N] mirrors a drawing. Returns [N, 3, side, side] in [-1, 1].
    """
    scale = 1 / (FILL * torch.exp2(amounts[:, 0]))
    angle = amounts[:, 3] * (math.pi / 180)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    sign = torch.where(flip, -1.0, 1.0)
    x, y = amounts[:, 1] * 2, amounts[:, 2] * 2
    rows = torch.stack(
        [
            torch.stack([cos * sign, -sin * sign, -(cos * x - sin * y) * sign], dim=1),
            torch.stack([sin, cos, -(sin * x + cos * y)], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(rows, [len(rgba), 4, 2 * side, 2 * side], align_corners=False)
    placed = F.avg_pool2d(F.grid_sample(rgba, grid, align_corners=False), 2)
    images = placed[:, :3] + background[:, :, None, None] * (1 - placed[:, 3:])
    return images.clamp(0, 1) * 2 - 1


def backgrounds(count: int, source: torch.Generator) -> Tensor:
    """Random flat colours [count, 3] in [0, 1]: any hue, saturation up to 0.7, value from 0.3."""
    random = torch.rand(count, 3, generator=source)
    hue, saturation, value = random[:, 0] * 6, random[:, 1] * 0.7, 0.3 + 0.7 * random[:, 2]
    steps = (torch.tensor([5.0, 3.0, 1.0]) + hue[:, None]) % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(steps, 4 - steps).clamp(0, 1))


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise Invalid(
            f"The drawings {path.name} are not in {path.parent}.", "Render them as tools/avatars/README.md describes."
        )
    drawings: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return drawings


def _downsample(drawings: np.ndarray, side: int, device: torch.device) -> Tensor:
    # To 1.5 times the image side, so that a zoomed drawing stays sharp and a small one does not alias.
    parts = []
    for start in range(0, len(drawings), 256):
        part = torch.from_numpy(np.array(drawings[start : start + 256])).to(device).permute(0, 3, 1, 2)
        target_side = side * 3 // 2
        if target_side < part.shape[-1]:
            part = F.adaptive_avg_pool2d(part.float(), target_side).round().to(torch.uint8)
        parts.append(part.contiguous())
    return torch.cat(parts)
