"""The camera: the ray of light that reaches each point of the picture, and where the lamp stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.rendering.scenes.scene import Scene
from latentwalk.rendering.scenes.toys.toy import MIDDLE

FIELD_OF_VIEW = 30.0  # degrees, across and down


@dataclass(frozen=True)
class View:
    """Rays from `eye` ([3]) along `directions` ([rays, 3], length 1), row by row; `light` ([3]) points to the lamp."""

    eye: Tensor
    directions: Tensor
    forward: Tensor
    light: Tensor


def direction(azimuth: float, elevation: float) -> Tensor:
    """The unit vector, [3], towards a place at these angles in degrees; azimuth 0 is +z and 90 is +x."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return torch.tensor([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])


def view(scene: Scene, side: int) -> View:
    """The rays of a picture of `side` by `side` points, in the frame of the toy."""
    azimuth = scene.azimuth - scene.turn
    back = direction(azimuth, scene.elevation)
    right = direction(azimuth + 90, 0)
    up = torch.linalg.cross(back, right)
    eye = torch.tensor([0.0, MIDDLE, 0.0]) + scene.distance * back - scene.pan_x * right - scene.pan_y * up
    half = math.tan(math.radians(FIELD_OF_VIEW / 2))
    across = ((torch.arange(side) + 0.5) / side * 2 - 1) * half
    rays = right * across[None, :, None] - up * across[:, None, None] - back
    rays = (rays / rays.norm(dim=2, keepdim=True)).reshape(-1, 3)
    return View(eye, rays, -back, direction(azimuth + scene.light_azimuth, scene.light_elevation))
