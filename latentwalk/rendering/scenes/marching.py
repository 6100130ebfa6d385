"""Follows rays through the signed distance to a toy: where they meet it, how much light arrives, which way it faces.

Sphere tracing after Hart (1996); ambient occlusion, and in the same way soft shadows, from distances alone after Evans
(2006). Only rays that meet the ball around the toy are followed, and each only as long as it is inside.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentwalk.rendering.scenes.toys.toy import MIDDLE, REACH, Toy

STEPS, SHADOW_STEPS = 48, 16
CLOSE = 0.0015  # metres from the surface at which a ray has met it
COMPACT_EVERY = 4  # steps between looks at which rays have ended
PENUMBRA = 7.0  # how sharp shadows are: the inverse of the lamp's angular radius


def coordinates(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points ([n, 3]) as three contiguous tensors, which are computed with faster."""
    x, y, z = points.t().contiguous()
    return x, y, z


def within_reach(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which rays meet the ball around the toy ([n], bool), and the distances at which they enter and leave it."""
    to_origin = origins - torch.tensor([0.0, MIDDLE, 0.0])
    along = (to_origin * directions).sum(-1)
    room = along * along - (to_origin * to_origin).sum(-1) + REACH * REACH
    half = room.clamp_min(0).sqrt()
    meets: Tensor = (room > 0) & (half > along)
    return meets, (-along - half).clamp_min(0), half - along


def meet(toy: Toy, eye: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers of the rays that meet the toy, and the distance from the eye at which each does."""
    meets, enter, leave = within_reach(eye[None], directions)
    rays = meets.nonzero()[:, 0]
    depth, end = enter[rays], leave[rays]
    x, y, z = coordinates(directions[rays])
    found_rays, found_depths = [], []
    for step in range(STEPS):
        distance = toy.solid((eye[0] + depth * x, eye[1] + depth * y, eye[2] + depth * z))
        arrived = distance < CLOSE
        depth = torch.where(arrived, depth, depth + toy.step * distance)
        if step % COMPACT_EVERY == COMPACT_EVERY - 1 or step == STEPS - 1:
            found_rays.append(rays[arrived])
            found_depths.append(depth[arrived])
            going = ~arrived & (depth < end)
            rays, depth, end, x, y, z = (one[going] for one in (rays, depth, end, x, y, z))
            if not len(rays):
                break
    return torch.cat(found_rays), torch.cat(found_depths)


def normals(toy: Toy, points: Tensor) -> Tensor:
    """The outward unit normals at points of the surface, [n, 3], by differences along a tetrahedron's corners."""
    corners = torch.tensor([[1.0, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
    near = points[None] + 0.002 * corners[:, None]
    distance = toy.solid(coordinates(near.reshape(-1, 3))).reshape(4, -1)
    gradient = (corners[:, None] * distance[..., None]).sum(0)
    unit: Tensor = gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-6)
    return unit


def lit(toy: Toy, points: Tensor, light: Tensor) -> Tensor:
    """How much of the lamp each point sees, [n], from 0 to 1."""
    share = torch.ones(len(points))
    meets, enter, leave = within_reach(points, light.expand_as(points))
    places = meets.nonzero()[:, 0]
    if not len(places):
        return share
    x, y, z = coordinates(points[places])
    depth, end = enter[places].clamp_min(0.02), leave[places]
    width = ((end - depth) / SHADOW_STEPS).clamp_min(0.012)
    open_ = torch.ones(len(places))
    for _ in range(SHADOW_STEPS):
        distance = toy.solid((x + depth * light[0], y + depth * light[1], z + depth * light[2]))
        open_ = torch.minimum(open_, torch.where(depth < end, PENUMBRA * distance / depth.clamp_min(0.05), 1.0))
        depth = depth + torch.maximum(distance * toy.step, width)
    open_ = open_.clamp(0, 1)
    share[places] = open_ * open_ * (3 - 2 * open_)
    return share


def exposed(toy: Toy, points: Tensor, normal: Tensor, probes: tuple[tuple[float, float], ...]) -> Tensor:
    """How open the surroundings of each point are, [n], from 0 to 1: dark in corners and under the toy.

    `probes` are heights over the surface, in metres, and how much a surface at less than each darkens the point.
    """
    hidden = torch.zeros(len(points))
    for height, weight in probes:
        over = points + height * normal
        distance = torch.minimum(toy.solid(coordinates(over)), over[:, 1])
        hidden += weight * (height - distance).clamp_min(0) / height
    return (1 - hidden).clamp(0.12, 1)
