"""What a toy is made of: a solid, and the number of the paint at each point of its surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from math import hypot

import torch
from torch import Tensor

from latentwalk.rendering.scenes.distance_fields import Point, length2

MIDDLE, REACH = 0.5, 0.78  # metres: the height of the middle, and the radius of a ball around it that holds every toy


class Paint(IntEnum):
    """The paints. The first three follow the scene's colour, the others are the same in every scene."""

    MAIN = 0
    PALE = 1
    DARK = 2
    WHITE = 3
    CREAM = 4
    BLACK = 5
    GREY = 6
    ORANGE = 7
    YELLOW = 8
    PINK = 9


@dataclass(frozen=True)
class Toy:
    """A toy that stands on the floor and looks along +z.

    `solid` gives the signed distance to it in metres, `paint` the number of the paint at points of its surface. `step`
    is the share of the distance that a ray may safely advance: 1 unless the solid overstates distances.
    """

    solid: Callable[[Point], Tensor]
    paint: Callable[[Point], Tensor]
    step: float = 1.0


def painted(point: Point, base: Paint, *layers: tuple[Tensor, Paint]) -> Tensor:
    """The base paint with layers over it, each where its mask holds; later ones lie over earlier ones."""
    paint = torch.full_like(point[0], int(base), dtype=torch.long)
    for mask, number in layers:
        paint = torch.where(mask, int(number), paint)
    return paint


def face(point: Point, height: float, apart: float, size: float) -> tuple[tuple[Tensor, Paint], ...]:
    """Two eyes, cheeks and a smile on whatever is seen from +z: layers of paint.

    The eyes are `height` above the floor, `apart` from the middle and `size` large, in metres.
    """
    x, y, z = point
    front, side = z > 0, x.abs() - apart
    left_of_eye = torch.where(x > 0, x - apart, x + apart) + size * 0.3  # both glints come from one window
    eyes = front & (length2(side, (y - height) * 0.75) < size)
    glints = front & (length2(left_of_eye, y - height - size * 0.45) < size * 0.36)
    cheeks = front & (length2(side - size * 1.5, (y - height + size * 1.9) * 1.3) < size * 0.75)
    mouth = length2(x, y - height + size * 0.6)
    smile = front & ((mouth - apart * 0.62).abs() < size * 0.26) & (y < height - size * 1.5)
    return (cheeks, Paint.PINK), (eyes, Paint.BLACK), (glints, Paint.WHITE), (smile, Paint.BLACK)


def disc(a: Tensor, b: Tensor, centre: tuple[float, float], radius: float) -> Tensor:
    """Whether (a, b) lies in a disc."""
    return length2(a - centre[0], b - centre[1]) < radius


def sector(a: Tensor, b: Tensor, count: int) -> Tensor:
    """The number, 0 to count - 1, of the sector around the origin that (a, b) lies in."""
    share = torch.atan2(b, a) / (2 * torch.pi) + 0.5
    return (share * count).long().clamp(0, count - 1)


def near_directions(point: Point, directions: tuple[tuple[float, float, float], ...], size: float) -> Tensor:
    """Whether the direction of a point from the origin is close to one of several: within `size`, as a sine."""
    x, y, z = point
    length = torch.sqrt(x * x + y * y + z * z).clamp_min(1e-6)
    found = torch.zeros_like(x, dtype=torch.bool)
    for dx, dy, dz in directions:
        norm = hypot(dx, dy, dz)
        along = (x * dx + y * dy + z * dz) / (length * norm)
        found = found | (along > (1 - size * size) ** 0.5)
    return found
