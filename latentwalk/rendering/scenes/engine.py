"""The engine: a scene becomes a picture, always the same one for the same scene."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from latentwalk.rendering.scenes import marching
from latentwalk.rendering.scenes.camera import View, view
from latentwalk.rendering.scenes.colours import from_hsv, palette, to_srgb
from latentwalk.rendering.scenes.scene import Scene
from latentwalk.rendering.scenes.toys import TOYS
from latentwalk.rendering.scenes.toys.toy import Toy

KEY, FILL = torch.tensor([1.0, 0.93, 0.82]) * 1.02, torch.tensor([0.86, 0.93, 1.0]) * 0.5  # the lamp, and the sky
FLOOR_SATURATION, WALL_SATURATION = 0.27, 0.33
# Heights over a surface in metres at which its surroundings are probed, and how much each darkens it.
TOY_PROBES, FLOOR_PROBES = ((0.05, 0.56), (0.14, 0.31), (0.3, 0.15)), ((0.06, 0.35), (0.2, 0.28))
SHADED = 1.9  # metres around the toy within which the floor may lie in its shadow


@torch.no_grad()
def render(scenes: Sequence[Scene], size: int = 128, samples: int = 2) -> Tensor:
    """Pictures of scenes, [scenes, 3, size, size] in [-1, 1]; each pixel is the mean of `samples` squared rays."""
    return torch.stack([_render(scene, size, samples) for scene in scenes])


def _render(scene: Scene, size: int, samples: int) -> Tensor:
    seen, toy = view(scene, size * samples), TOYS[scene.toy]
    light = _surroundings(scene, seen, toy)
    rays, depth = marching.meet(toy, seen.eye, seen.directions)
    if len(rays):
        light[rays] = _toy(scene, seen, toy, rays, depth)
    picture = to_srgb(light).t().reshape(1, 3, size * samples, size * samples)
    return functional.avg_pool2d(picture, samples)[0] * 2 - 1


def _surroundings(scene: Scene, seen: View, toy: Toy) -> Tensor:
    # The floor, which rises into the wall without an edge, as in a photographer's studio.
    floor = from_hsv(scene.floor_hue, FLOOR_SATURATION, scene.floor_value)
    wall = from_hsv(scene.wall_hue, WALL_SATURATION, scene.wall_value)
    down = -seen.directions[:, 1]
    depth = seen.eye[1] / down.clamp_min(1e-3)
    points = seen.eye + depth[:, None] * seen.directions
    # From 0.4 m behind the toy on, the floor takes on the colour of the wall, wholly at the horizon.
    behind = seen.eye[1] / (seen.eye.norm() + 0.4)
    far = (1 - down / behind).clamp(0, 1)
    far = far * far * (3 - 2 * far)
    arriving = torch.ones(len(points))
    open_ = torch.ones(len(points))
    near = ((down > 1e-3) & (points[:, 0] ** 2 + points[:, 2] ** 2 < SHADED**2)).nonzero()[:, 0]
    if len(near):
        here = points[near]
        edge = ((SHADED - here[:, [0, 2]].norm(dim=1)) / 0.5).clamp(0, 1)
        arriving[near] = 1 - edge * (1 - marching.lit(toy, here, seen.light))
        close = (here[:, [0, 2]].norm(dim=1) < 1.0).nonzero()[:, 0]
        up = torch.tensor([0.0, 1.0, 0.0]).expand(len(close), 3)
        open_[near[close]] = marching.exposed(toy, here[close], up, FLOOR_PROBES)
    slant = seen.light[1].clamp_min(0.1) ** 0.5
    lamp = (0.42 + 0.58 * arriving * slant)[:, None] * KEY
    on_floor = floor * (lamp * 0.86 + FILL * 0.8 * open_[:, None])
    height = (seen.directions[:, 1] * 1.6 + 0.35).clamp(0, 1)[:, None]
    on_wall = wall * (KEY * 0.72 + FILL * 0.72) * (0.94 + 0.16 * height)
    return torch.lerp(on_floor, on_wall, far[:, None])


def _toy(scene: Scene, seen: View, toy: Toy, rays: Tensor, depth: Tensor) -> Tensor:
    directions = seen.directions[rays]
    points = seen.eye + depth[:, None] * directions
    normal = marching.normals(toy, points)
    colour = palette(scene)[toy.paint(marching.coordinates(points))]
    facing = (normal @ seen.light).clamp_min(0)
    direct = facing * marching.lit(toy, points + 0.012 * normal, seen.light)
    open_ = marching.exposed(toy, points, normal, TOY_PROBES)[:, None]
    floor = from_hsv(scene.floor_hue, FLOOR_SATURATION, scene.floor_value)
    upward = normal[:, 1:2] * 0.5 + 0.5
    around = (FILL * upward + floor * KEY * 0.34 * (1 - upward)) * open_
    light = colour * (KEY * direct[:, None] * 0.95 + around + 0.05)
    # Polish: the lamp's highlight, and a bright window reflected most where the surface is seen at a slant.
    mirrored = directions - 2 * (directions * normal).sum(1, keepdim=True) * normal
    slant = (1 + (directions * normal).sum(1)).clamp(0, 1)
    fresnel = 0.045 + 0.5 * slant**5
    highlight = (mirrored @ seen.light).clamp_min(0) ** (12 + 130 * scene.gloss) * (0.15 + 0.85 * direct.clamp(0, 1))
    window = torch.sigmoid(14 * (mirrored[:, 1] - 0.35)) * 0.9 + 0.2
    polish = scene.gloss * (fresnel * window * open_[:, 0] * 1.6 + 1.1 * highlight)
    return light + polish[:, None] * torch.tensor([1.0, 0.98, 0.95])
