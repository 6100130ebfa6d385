"""The image edits a walk is taught to imitate: pure, differentiable, each with a unit, limits and a validity mask.

Adding one takes a short function: decorate `edit(images, amounts)` with `@transform(...)`, in this file or in a
package of your own that names it under the entry point group `latentwalk.transforms`.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from latentwalk.directions.unit import Unit
from latentwalk.errors import NotFound

Edited = tuple[Tensor, Tensor]
GREY = (0.299, 0.587, 0.114)  # luma weights of ITU-R BT.601, the ones of JPEG


@dataclass(frozen=True, slots=True)
class Transform:
    """One edit of pictures.

    `function(images, amounts)` takes images [N, 3, H, W] in [-1, 1] and amounts [N] in the unit, and returns
    the edited images and a mask [N, 1, H, W] in [0, 1]: the share of each pixel that came from inside the
    picture. `reach` is the largest amount asked for in training; as a share of the picture's side where `relative`
    (then the unit is pixels). `moves` says that content is moved rather than recoloured: what was reached is then
    measured on structure (`steering.measuring`), so the function must take any number of channels.
    """

    name: str
    title: str
    group: str
    unit: Unit
    reach: float
    relative: bool
    moves: bool
    about: str
    function: Callable[[Tensor, Tensor], Edited]

    def limits(self, resolution: int) -> tuple[float, float]:
        """The amounts asked for in training, lowest and highest, for pictures of that many pixels a side."""
        high = self.reach * resolution if self.relative else self.reach
        return self.unit.amount(-self.unit.coordinate(high)), high

    def __call__(self, images: Tensor, coordinates: Tensor) -> Edited:
        """Edit by coordinates of the unit [N] (0 changes nothing), the additive form the walks use."""
        unit = self.unit
        amounts = unit.neutral * torch.exp2(coordinates) if unit.scale == "log" else coordinates + unit.neutral
        return self.function(images, amounts.to(images))


_ours: dict[str, Transform] = {}


def transform(
    *, title: str, group: str, unit: Unit, reach: float, relative: bool = False, moves: bool = False
) -> Callable[[Callable[[Tensor, Tensor], Edited]], Transform]:
    """Make a Transform of a function; its name is the function's, its explanation the docstring's first line."""

    def declare(function: Callable[[Tensor, Tensor], Edited]) -> Transform:
        about = (function.__doc__ or "").strip().splitlines()[0]
        made = Transform(function.__name__, title, group, unit, reach, relative, moves, about, function)
        _ours[made.name] = made
        transforms.cache_clear()
        return made

    return declare


@cache
def transforms() -> Mapping[str, Transform]:
    """Every transform by name: ours, then those that installed packages offer."""
    found = dict(_ours)
    for point in importlib.metadata.entry_points(group="latentwalk.transforms"):
        offered = point.load()
        found[offered.name] = offered
    return MappingProxyType(found)


def find(name: str) -> Transform:
    """The transform of that name; NotFound lists what there is."""
    if name not in transforms():
        raise NotFound(f"There is no transform “{name[:60]}”.", f"There are {', '.join(transforms())}.")
    return transforms()[name]


def warp(images: Tensor, matrices: Tensor) -> Edited:
    """Sample `images` at positions `matrices` [N, 2, 3] send the output's to, in units of half a side.

    The edge is repeated outwards, so that a pixel half outside holds no padding, and the mask says how much of it
    to believe: warped ones, fractional at the border, without a seam.
    """
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    edited = grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    ones = torch.ones_like(images[:, :1])
    mask = grid_sample(ones, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return edited, mask


def _affine(rows: tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _whole(edited: Tensor) -> Edited:
    # A colour edit is valid everywhere; clipped, because no picture holds the values beyond.
    return edited.clamp(-1, 1), torch.ones_like(edited[:, :1])


def _over(amounts: Tensor) -> Tensor:
    return amounts[:, None, None, None]


FACTOR = Unit("x", neutral=1.0, scale="log", decimals=2)
PIXELS = Unit("px", decimals=1)
DEGREES = Unit("°", decimals=1)
PERCENT = Unit("%", decimals=1)


@transform(title="Zoom", group="geometry", unit=FACTOR, reach=2.0, moves=True)
def zoom(images: Tensor, amounts: Tensor) -> Edited:
    """Enlarges the picture about its centre; below x1 it shrinks and shows what would lie around it."""
    nought, scale = torch.zeros_like(amounts), 1 / amounts
    return warp(images, _affine(((scale, nought, nought), (nought, scale, nought))))


@transform(title="Shift sideways", group="geometry", unit=PIXELS, reach=0.125, relative=True, moves=True)
def shift_x(images: Tensor, amounts: Tensor) -> Edited:
    """Moves the picture right; negative amounts move it left."""
    nought, one = torch.zeros_like(amounts), torch.ones_like(amounts)
    return warp(images, _affine(((one, nought, -2 * amounts / images.shape[3]), (nought, one, nought))))


@transform(title="Shift up", group="geometry", unit=PIXELS, reach=0.125, relative=True, moves=True)
def shift_y(images: Tensor, amounts: Tensor) -> Edited:
    """Moves the picture up; negative amounts move it down."""
    nought, one = torch.zeros_like(amounts), torch.ones_like(amounts)
    return warp(images, _affine(((one, nought, nought), (nought, one, 2 * amounts / images.shape[2]))))


@transform(title="Rotate", group="geometry", unit=DEGREES, reach=30.0, moves=True)
def rotate(images: Tensor, amounts: Tensor) -> Edited:
    """Turns the picture clockwise about its centre; negative amounts turn it back."""
    turn = amounts * (math.pi / 180)
    nought, cosine, sine = torch.zeros_like(turn), turn.cos(), turn.sin()
    return warp(images, _affine(((cosine, sine, nought), (-sine, cosine, nought))))


@transform(title="Brightness", group="colour", unit=PERCENT, reach=40.0)
def brightness(images: Tensor, amounts: Tensor) -> Edited:
    """Adds light: per cent of the span from black to white."""
    return _whole(images + _over(amounts) / 50)


@transform(title="Contrast", group="colour", unit=FACTOR, reach=2.0)
def contrast(images: Tensor, amounts: Tensor) -> Edited:
    """Stretches values away from the picture's mean."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return _whole(mean + (images - mean) * _over(amounts))


def _channel(images: Tensor, amounts: Tensor, channel: int) -> Edited:
    added = torch.zeros_like(images[:1])
    added[:, channel] = 1
    return _whole(images + added * _over(amounts) / 50)


@transform(title="Red", group="colour", unit=PERCENT, reach=40.0)
def red(images: Tensor, amounts: Tensor) -> Edited:
    """Adds red: per cent of the channel's span."""
    return _channel(images, amounts, 0)


@transform(title="Green", group="colour", unit=PERCENT, reach=40.0)
def green(images: Tensor, amounts: Tensor) -> Edited:
    """Adds green: per cent of the channel's span."""
    return _channel(images, amounts, 1)


@transform(title="Blue", group="colour", unit=PERCENT, reach=40.0)
def blue(images: Tensor, amounts: Tensor) -> Edited:
    """Adds blue: per cent of the channel's span."""
    return _channel(images, amounts, 2)


@transform(title="Saturation", group="colour", unit=FACTOR, reach=2.0)
def saturation(images: Tensor, amounts: Tensor) -> Edited:
    """Stretches colours away from the grey of the same lightness."""
    weights = images.new_tensor(GREY)[:, None, None]
    grey = (images * weights).sum(dim=1, keepdim=True)
    return _whole(grey + (images - grey) * _over(amounts))
