"""The toys that are living things: duck, mushroom and snowman."""

from __future__ import annotations

import torch
from torch import Tensor

from latentwalk.rendering.scenes.distance_fields import (
    Point,
    blend,
    capsule,
    cone,
    cylinder,
    ellipsoid,
    length2,
    length3,
    moved,
    sphere,
    torus,
    turned,
    union,
)  # fmt: skip
from latentwalk.rendering.scenes.toys.toy import Paint, Toy, disc, face, near_directions, painted

HEAD = (0.0, 0.73, 0.2)


def _duck(point: Point) -> Tensor:
    x, y, z = point
    body = ellipsoid(moved(point, y=0.31, z=-0.04), 0.32, 0.3, 0.44)
    tail = ellipsoid((x, *turned(y - 0.47, z + 0.42, 40)), 0.16, 0.09, 0.2)
    head = sphere(moved(point, *HEAD), 0.235)
    mirrored = (x.abs(), y, z)
    wing = ellipsoid(moved(mirrored, 0.3, 0.36, -0.1), 0.08, 0.15, 0.24)
    return union(blend(blend(body, head, 0.12), tail, 0.1), wing, _beak(point))


def _beak(point: Point) -> Tensor:
    upper = ellipsoid(moved(point, y=0.7, z=0.45), 0.13, 0.045, 0.13)
    return torch.minimum(upper, ellipsoid(moved(point, y=0.655, z=0.43), 0.1, 0.035, 0.1))


def _duck_paint(point: Point) -> Tensor:
    x, y, z = point
    eye = length3(x.abs() - 0.115, y - 0.79, z - 0.375)
    glint = length3(x.abs() - 0.112, y - 0.815, z - 0.395)
    wing = ellipsoid(moved((x.abs(), y, z), 0.3, 0.36, -0.1), 0.08, 0.15, 0.24) < 0.004
    return painted(
        point, Paint.MAIN, (wing, Paint.DARK), (_beak(point) < 0.004, Paint.ORANGE), (eye < 0.055, Paint.BLACK),
        (glint < 0.024, Paint.WHITE),
    )  # fmt: skip


DOTS = (
    (0.1, 0.9, 0.2), (0.75, 0.55, 0.35), (-0.6, 0.7, 0.45), (0.15, 0.45, 0.85), (-0.85, 0.35, -0.15),
    (0.6, 0.55, -0.6), (-0.35, 0.75, -0.6), (0.95, 0.2, -0.1), (-0.6, 0.25, 0.8), (-0.1, 0.3, -0.95),
)  # fmt: skip
CAP = 0.5


def _cap(point: Point) -> Tensor:
    x, y, z = moved(point, y=CAP)
    dome = ellipsoid((x, y, z), 0.5, 0.44, 0.5)
    return torch.maximum(dome, -y - 0.03 + 0.12 * length2(x, z)) - 0.012


def _mushroom(point: Point) -> Tensor:
    stem = cone(moved(point, y=0.27), 0.25, 0.17, 0.27, 0.06)
    return torch.minimum(blend(stem, ellipsoid(moved(point, y=0.12), 0.27, 0.13, 0.27), 0.1), _cap(point))


def _mushroom_paint(point: Point) -> Tensor:
    x, y, z = moved(point, y=CAP)
    cap = _cap(point) < 0.006
    dots = near_directions((x, y * 1.1, z), DOTS, 0.27)
    under = y < -0.012 + 0.12 * length2(x, z)
    return painted(
        point, Paint.CREAM, *face(point, 0.3, 0.085, 0.036), (cap, Paint.MAIN), (cap & dots, Paint.WHITE),
        (cap & under, Paint.CREAM),
    )  # fmt: skip


def _hat(point: Point) -> Tensor:
    x, y = turned(point[0], point[1] - 0.9, -9)
    local = (x, y, point[2])
    return torch.minimum(cylinder(local, 0.23, 0.022, 0.015), cylinder(moved(local, y=0.1), 0.145, 0.11, 0.025))


def _scarf(point: Point) -> Tensor:
    loop = torus(moved(point, y=0.6), 0.185, 0.055)
    return torch.minimum(loop, capsule(point, (0.13, 0.58, 0.17), (0.17, 0.36, 0.27), 0.05))


def _nose(point: Point) -> Tensor:
    x, y, z = moved(point, y=0.76, z=0.32)
    return cone((x, z, y), 0.045, 0.008, 0.11)


def _snowman(point: Point) -> Tensor:
    body, head = sphere(moved(point, y=0.3), 0.32), sphere(moved(point, y=0.76), 0.215)
    return union(body, head, _hat(point), _scarf(point), _nose(point))


def _snowman_paint(point: Point) -> Tensor:
    x, y, z = point
    front = z > 0
    eyes = front & (length2(x.abs() - 0.08, y - 0.82) < 0.028)
    buttons = front & (disc(x, y, (0, 0.44), 0.03) | disc(x, y, (0, 0.33), 0.03) | disc(x, y, (0, 0.22), 0.03))
    hat, band = _hat(point) < 0.005, (y - 0.9).abs() < 0.075
    return painted(
        point,
        Paint.WHITE,
        (eyes, Paint.BLACK),
        (buttons, Paint.BLACK),
        (hat, Paint.MAIN),
        (hat & band & (y > 0.93), Paint.DARK),
        (_scarf(point) < 0.005, Paint.MAIN),
        (_nose(point) < 0.005, Paint.ORANGE),
    )


TOYS = {
    "duck": Toy(_duck, _duck_paint, 0.9),
    "mushroom": Toy(_mushroom, _mushroom_paint, 0.85),
    "snowman": Toy(_snowman, _snowman_paint),
}
