"""The plain toys: ball, cube, ring, cone, star and gem."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from latentwalk.rendering.scenes.distance_fields import (
    Point,
    box,
    cone,
    length2,
    length3,
    moved,
    sphere,
    torus,
    turned,
    union,
)  # fmt: skip
from latentwalk.rendering.scenes.toys.toy import Paint, Toy, disc, face, painted, sector

BALL = 0.47
PANELS = (Paint.MAIN, Paint.WHITE, Paint.MAIN, Paint.WHITE, Paint.MAIN, Paint.YELLOW)  # one differs: it shows the turn


def _ball(point: Point) -> Tensor:
    return sphere(moved(point, y=BALL), BALL)


def _ball_paint(point: Point) -> Tensor:
    x, y, z = moved(point, y=BALL)
    x, y = turned(x, y, -24)
    z, y = turned(z, y, 18)
    panels = torch.tensor([int(one) for one in PANELS])[sector(x, z, 6)]
    return torch.where(y.abs() > BALL * 0.93, int(Paint.WHITE), panels)


CUBE = 0.4


def _cube(point: Point) -> Tensor:
    return box(moved(point, y=CUBE), CUBE, CUBE, CUBE, 0.055)


def _cube_paint(point: Point) -> Tensor:
    # A letter block: a coloured frame, and another sign on each side.
    x, y, z = moved(point, y=CUBE)
    ax, ay, az = x.abs(), y.abs(), z.abs()
    on_x, on_y = (ax >= ay) & (ax >= az), (ay > ax) & (ay >= az)
    u = torch.where(on_x, z, x)
    v = torch.where(on_y, z, y)
    plain = torch.maximum(u.abs(), v.abs()) < CUBE * 0.74
    round_ = disc(u, v, (0, 0), CUBE * 0.46)
    bars = (torch.remainder(v, CUBE * 0.46) < CUBE * 0.23) & (u.abs() < CUBE * 0.5)
    cross = (torch.minimum(u.abs(), v.abs()) < CUBE * 0.15) & (torch.maximum(u.abs(), v.abs()) < CUBE * 0.5)
    diamond = u.abs() + v.abs() < CUBE * 0.52
    circle = round_ & ~disc(u, v, (0, 0), CUBE * 0.26)
    front, back = (~on_x & ~on_y & (z > 0)), (~on_x & ~on_y & (z <= 0))
    sign = (front & round_) | (back & diamond) | (on_x & (x > 0) & bars) | (on_x & (x <= 0) & cross) | (on_y & circle)
    return painted(point, Paint.MAIN, (plain, Paint.CREAM), (plain & sign, Paint.MAIN))


RING, TUBE = 0.33, 0.165


def _ring(point: Point) -> Tensor:
    x, y, z = moved(point, y=RING + TUBE)
    return torus((x, z, y), RING, TUBE)


def _ring_paint(point: Point) -> Tensor:
    # A doughnut on its edge, iced on the side that looks along +z.
    x, y, z = moved(point, y=RING + TUBE)
    angle, across = torch.atan2(y, x), length2(x, y) - RING
    wave = 0.02 * torch.sin(6 * angle) + 0.012 * torch.sin(11 * angle + 1)
    iced = z > -0.03 + wave
    place = torch.remainder(angle * 17 / (2 * math.pi), 1.0) - 0.5
    number = torch.floor(angle * 17 / (2 * math.pi))
    height = 0.075 * torch.sin(number * 2.4)
    sprinkle = (z > 0.05) & (
        length2(place * 0.125 + (across - height) * torch.sin(number * 5) * 0.5, across - height) < 0.026
    )
    odd = torch.remainder(number, 2) < 1
    return painted(
        point,
        Paint.CREAM,
        (iced, Paint.MAIN),
        (iced & sprinkle & odd, Paint.WHITE),
        (iced & sprinkle & ~odd, Paint.YELLOW),
    )


def _cone(point: Point) -> Tensor:
    return union(cone(moved(point, y=0.44), 0.4, 0.03, 0.44, 0.02), sphere(moved(point, y=0.93), 0.1))


def _cone_paint(point: Point) -> Tensor:
    # A party hat with one stripe that winds round it: it shows the turn.
    x, y, z = point
    turns = torch.remainder(torch.atan2(z, x) / (2 * math.pi) + y * 2.3, 1.0)
    return painted(
        point,
        Paint.MAIN,
        (turns < 0.36, Paint.WHITE),
        (y < 0.055, Paint.YELLOW),
        (length3(x, y - 0.93, z) < 0.115, Paint.YELLOW),
    )


STAR, HALF = 0.53, 0.125  # the radius of the points, and half of the thickness
STAR_RAISED = STAR * math.cos(math.radians(36)) - 0.012


def _star(point: Point) -> Tensor:
    # Folded into half a point of the star, whose edge is then one line.
    x, y, z = moved(point, y=STAR_RAISED)
    angle = torch.atan2(x, y)
    fold = torch.remainder(angle + math.pi / 5, 2 * math.pi / 5) - math.pi / 5
    radius = length2(x, y)
    px, py = radius * torch.sin(fold).abs(), radius * torch.cos(fold)
    inner = STAR * 0.52
    ex, ey = inner * math.sin(math.pi / 5), inner * math.cos(math.pi / 5)
    dx, dy = ex, ey - STAR
    norm = math.hypot(dx, dy)
    along = ((px * dx + (py - STAR) * dy) / (norm * norm)).clamp(0, 1)
    away = length2(px - along * dx, py - STAR - along * dy)
    flat = torch.where(dx * (py - STAR) - dy * px < 0, -away, away) - 0.045 + 0.05
    thick = z.abs() - (HALF - 0.05) - 0.06 * (1 - radius / STAR).clamp_min(0)
    outside = length2(flat.clamp_min(0), thick.clamp_min(0))
    return outside + torch.maximum(flat, thick).clamp_max(0) - 0.05


def _star_paint(point: Point) -> Tensor:
    edge = point[2].abs() < 0.045
    return painted(point, Paint.MAIN, (edge, Paint.DARK), (point[2] < -HALF, Paint.PALE), *face(point, 0.5, 0.12, 0.05))


TABLE, GIRDLE, POINT_ = 0.15, 0.5, -0.52  # heights over the girdle, and the girdle's radius


def _gem_frame(point: Point) -> Point:
    # It lies on its pavilion: the axis leans back from +z.
    x, y, z = moved(point, y=0.43)
    y, z = turned(y, z, 42)
    return x, y, z


def _gem_planes(point: Point) -> tuple[Tensor, Tensor, Tensor]:
    x, y, z = point
    eighth = math.pi / 4
    angle = torch.atan2(z, x)
    fold = torch.remainder(angle, eighth) - eighth / 2
    across = length2(x, z) * torch.cos(fold)
    crown = (
        across * math.sin(math.radians(52))
        + y * math.cos(math.radians(52))
        - GIRDLE * math.sin(math.radians(52)) * 0.94
    )
    slope = math.atan2(GIRDLE * 0.93, -POINT_)
    pavilion = across * math.cos(slope) - (y - POINT_) * math.sin(slope)
    return crown, pavilion, y - TABLE - 0.05


def _gem(point: Point) -> Tensor:
    crown, pavilion, table = _gem_planes(_gem_frame(point))
    return torch.maximum(crown, torch.maximum(pavilion, table)) - 0.008


def _gem_paint(point: Point) -> Tensor:
    x, y, z = _gem_frame(point)
    number = sector(x, z, 8)
    crown, pavilion, table = _gem_planes((x, y, z))
    odd = torch.remainder(number, 2) == 0
    top = (table > crown) & (table > pavilion)
    return painted(point, Paint.MAIN, (odd, Paint.DARK), (top, Paint.PALE), (~top & (number == 5), Paint.PALE))


TOYS = {
    "ball": Toy(_ball, _ball_paint),
    "cube": Toy(_cube, _cube_paint),
    "ring": Toy(_ring, _ring_paint),
    "cone": Toy(_cone, _cone_paint),
    "star": Toy(_star, _star_paint, 0.8),
    "gem": Toy(_gem, _gem_paint),
}
