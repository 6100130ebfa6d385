"""Signed distances to simple solids, in metres, negative inside (Hart 1996, “Sphere tracing”).

Points are three tensors x, y, z of one shape, y upwards; each function returns a tensor of that shape. Distances to an
ellipsoid and to bent or twisted solids are bounds: never much larger than the true ones near the surface.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

Point = tuple[Tensor, Tensor, Tensor]


def length2(a: Tensor, b: Tensor) -> Tensor:
    """The length of (a, b)."""
    return torch.sqrt(a * a + b * b)


def length3(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The length of (x, y, z)."""
    return torch.sqrt(x * x + y * y + z * z)


def moved(point: Point, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Point:
    """The point as seen from a solid that was moved by (x, y, z)."""
    return point[0] - x, point[1] - y, point[2] - z


def turned(a: Tensor, b: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Two coordinates as seen from a solid that was turned in their plane, from the first axis towards the second."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return a * cos + b * sin, b * cos - a * sin


def sphere(point: Point, radius: float) -> Tensor:
    """A sphere around the origin."""
    return length3(*point) - radius


def ellipsoid(point: Point, rx: float, ry: float, rz: float) -> Tensor:
    """An ellipsoid with these half axes (a bound)."""
    x, y, z = point
    inner = length3(x / rx, y / ry, z / rz)
    slope = length3(x / (rx * rx), y / (ry * ry), z / (rz * rz))
    return inner * (inner - 1) / slope.clamp_min(1e-6)


def box(point: Point, hx: float, hy: float, hz: float, rounding: float = 0.0) -> Tensor:
    """A box with these half sides, rounding included."""
    x, y, z = (c.abs() - (half - rounding) for c, half in zip(point, (hx, hy, hz), strict=True))
    outside = length3(x.clamp_min(0), y.clamp_min(0), z.clamp_min(0))
    return outside + torch.maximum(x, torch.maximum(y, z)).clamp_max(0) - rounding


def cylinder(point: Point, radius: float, half: float, rounding: float = 0.0) -> Tensor:
    """An upright cylinder, rounding included."""
    x, y, z = point
    across = length2(x, z) - (radius - rounding)
    along = y.abs() - (half - rounding)
    return torch.maximum(across, along).clamp_max(0) + length2(across.clamp_min(0), along.clamp_min(0)) - rounding


def torus(point: Point, radius: float, thickness: float) -> Tensor:
    """A lying ring: the distance of its tube's middle from the axis, and the radius of the tube."""
    x, y, z = point
    return length2(length2(x, z) - radius, y) - thickness


def capsule(point: Point, start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Tensor:
    """All points within `radius` of a line segment."""
    (sx, sy, sz), (ex, ey, ez) = start, end
    dx, dy, dz = ex - sx, ey - sy, ez - sz
    x, y, z = point[0] - sx, point[1] - sy, point[2] - sz
    along = ((x * dx + y * dy + z * dz) / (dx * dx + dy * dy + dz * dz)).clamp(0, 1)
    return length3(x - along * dx, y - along * dy, z - along * dz) - radius


def cone(point: Point, low: float, high: float, half: float, rounding: float = 0.0) -> Tensor:
    """An upright cone cut off at both ends: the radii below and above, and half its height (a bound)."""
    x, y, z = point
    across = length2(x, z)
    slant = math.hypot(low - high, 2 * half)
    side = ((across - (low + high) / 2) * 2 * half + y * (low - high)) / slant
    return torch.maximum(side, y.abs() - half + rounding) - rounding


def union(*distances: Tensor) -> Tensor:
    """All of several solids."""
    nearest = distances[0]
    for other in distances[1:]:
        nearest = torch.minimum(nearest, other)
    return nearest


def blend(a: Tensor, b: Tensor, width: float) -> Tensor:
    """The union of two solids with a fillet of about `width` where they meet."""
    share = (0.5 + 0.5 * (b - a) / width).clamp(0, 1)
    return torch.lerp(b, a, share) - width * share * (1 - share)


def without(a: Tensor, b: Tensor) -> Tensor:
    """The first solid less the second."""
    return torch.maximum(a, -b)
