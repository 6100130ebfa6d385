"""The toys that are things of use: fire truck, mug and spring."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from latentwalk.rendering.scenes.distance_fields import (
    Point,
    box,
    capsule,
    cylinder,
    length2,
    length3,
    moved,
    sphere,
    torus,
    turned,
    union,
    without,
)  # fmt: skip
from latentwalk.rendering.scenes.toys.toy import Paint, Toy, painted

WHEELS, WHEEL = 0.37, 0.15  # the distance of the axles from the middle, and a wheel's radius


def _wheel(point: Point) -> Tensor:
    x, y, z = point
    return cylinder((x.abs() - WHEELS, z.abs() - 0.24, y - WHEEL), WHEEL, 0.06, 0.03)


def _ladder(point: Point) -> Tensor:
    x, y = turned(point[0] + 0.12, point[1] - 0.72, 8)
    z = point[2]
    rails = capsule((x, y, z.abs()), (-0.5, 0, 0.1), (0.5, 0, 0.1), 0.025)
    place = torch.remainder(x + 0.0625, 0.125) - 0.0625
    rungs = torch.maximum(length2(place, y) - 0.018, torch.maximum(z.abs() - 0.1, x.abs() - 0.5))
    return torch.minimum(rails, rungs)


def _truck(point: Point) -> Tensor:
    body = box(moved(point, -0.14, 0.39), 0.47, 0.21, 0.26, 0.04)
    cab = box(moved(point, 0.45, 0.44), 0.18, 0.29, 0.26, 0.06)
    frame = box(moved(point, 0.0, 0.2), 0.6, 0.06, 0.24, 0.03)
    lamp = sphere(moved(point, 0.42, 0.74), 0.07)
    return union(body, cab, frame, _wheel(point), _ladder(point), lamp)


def _truck_paint(point: Point) -> Tensor:
    x, y, z = point
    wheel = _wheel(point) < 0.004
    hub = length2(x.abs() - WHEELS, y - WHEEL) < 0.075
    on_cab = x > 0.3
    windows = (
        on_cab & (y > 0.47) & (y < 0.66) & (((x - 0.45).abs() < 0.115) & (z.abs() > 0.24) | (x > 0.6) & (z.abs() < 0.2))
    )
    stripe = (x < 0.3) & ((y - 0.36).abs() < 0.035) & (z.abs() > 0.24)
    lights = (x > 0.6) & ((y - 0.3).abs() < 0.05) & ((z.abs() - 0.16).abs() < 0.05)
    doors = (x < 0.2) & (x > -0.52) & ((y - 0.5).abs() < 0.06) & (z.abs() > 0.24) & (torch.remainder(x, 0.22) > 0.04)
    return painted(
        point,
        Paint.MAIN,
        (y < 0.265, Paint.GREY),
        (stripe, Paint.WHITE),
        (doors, Paint.GREY),
        (windows, Paint.BLACK),
        (lights, Paint.YELLOW),
        (_ladder(point) < 0.004, Paint.WHITE),
        (length3(x - 0.42, y - 0.74, z) < 0.078, Paint.YELLOW),
        (wheel, Paint.BLACK),
        (wheel & hub, Paint.GREY),
    )


MUG, MUG_HALF = 0.35, 0.43


def _mug(point: Point) -> Tensor:
    standing = moved(point, y=MUG_HALF)
    x, y, z = standing
    wall = without(
        cylinder(standing, MUG, MUG_HALF, 0.04), cylinder(moved(standing, y=0.08), MUG - 0.06, MUG_HALF, 0.03)
    )
    handle = without(torus((x - MUG + 0.01, z, y), 0.2, 0.058), cylinder(standing, MUG - 0.05, 1.0))
    return torch.minimum(wall, handle)


def _mug_paint(point: Point) -> Tensor:
    x, y, z = point
    inside = length2(x, z) < MUG - 0.045
    u, v = x / 0.17, (y - 0.44) / 0.17
    bump = u * u + v * v - 0.75
    heart = (z > 0.1) & (bump * bump * bump - u * u * v * v * v < 0) & (length2(x, z) < MUG + 0.02)
    rim = (y > 2 * MUG_HALF - 0.05) & (length2(x, z) < MUG + 0.02)
    return painted(point, Paint.MAIN, (heart, Paint.WHITE), (rim, Paint.WHITE), (inside & (y > 0.1), Paint.CREAM))


COIL, WIRE, PITCH, LOW, HIGH = 0.31, 0.068, 0.215, 0.07, 0.95


def _spring(point: Point) -> Tensor:
    x, y, z = point
    angle = torch.atan2(z, x) / (2 * math.pi)
    turns = torch.round((y - LOW) / PITCH - angle)
    turns = torch.minimum(torch.maximum(turns, torch.ceil(-angle)), torch.floor((HIGH - LOW) / PITCH - angle))
    height = LOW + PITCH * (turns + angle)
    slope = 1 / math.hypot(1.0, PITCH / (2 * math.pi * COIL))
    wire = length2(length2(x, z) - COIL, (y - height) * slope) - WIRE
    return union(wire, *(sphere(moved(point, *end), 0.1) for end in ENDS))


def _end(height: float) -> tuple[float, float, float]:
    angle = 2 * math.pi * (height - LOW) / PITCH
    return COIL * math.cos(angle), height + 0.03, COIL * math.sin(angle)


ENDS = (_end(LOW), _end(HIGH))


def _spring_paint(point: Point) -> Tensor:
    caps = [length3(*moved(point, *end)) < 0.106 for end in ENDS]
    return painted(point, Paint.MAIN, (caps[0], Paint.WHITE), (caps[1], Paint.YELLOW))


TOYS = {
    "fire_truck": Toy(_truck, _truck_paint),
    "mug": Toy(_mug, _mug_paint),
    "spring": Toy(_spring, _spring_paint, 0.75),
}
