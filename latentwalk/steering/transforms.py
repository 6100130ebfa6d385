"""The image edits that walks imitate: pure, differentiable functions with a unit, limits and a validity mask.

To add one, decorate a function `edit(images, amounts)` with `@transform(...)`, in this module or in your own package,
which then declares it as an entry point in the group `latentwalk.transforms`.
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
    """An image edit with its unit and limits.

    `function(images, amounts)` takes images [N, 3, H, W] in [-1, 1] and amounts [N] in the unit. It returns the
    edited images and a mask [N, 1, H, W] in [0, 1]: the share of each pixel that comes from inside the image. `reach`
    is the largest amount requested in training, as a share of the image side if `relative` (the unit is then pixels).
    `moves` is True if the edit moves content rather than recolours it: the amount reached is then measured on
    structure (`measuring.transform_estimator`), so the function must accept any number of channels.
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
        """The lowest and highest amount requested in training, for images with sides of `resolution` pixels."""
        high = self.reach * resolution if self.relative else self.reach
        return self.unit.amount(-self.unit.coordinate(high)), high

    def __call__(self, images: Tensor, coordinates: Tensor) -> Edited:
        """Edit images by coordinates of the unit [N], in which walks are linear; 0 changes nothing."""
        unit = self.unit
        amounts = unit.neutral * torch.exp2(coordinates) if unit.scale == "log" else coordinates + unit.neutral
        return self.function(images, amounts.to(images))


_builtin: dict[str, Transform] = {}


def transform(
    *, title: str, group: str, unit: Unit, reach: float, relative: bool = False, moves: bool = False
) -> Callable[[Callable[[Tensor, Tensor], Edited]], Transform]:
    """Turn a function into a Transform named after it; the first line of its docstring becomes `about`."""

    def declare(function: Callable[[Tensor, Tensor], Edited]) -> Transform:
        about = (function.__doc__ or "").strip().splitlines()[0]
        declared = Transform(function.__name__, title, group, unit, reach, relative, moves, about, function)
        _builtin[declared.name] = declared
        transforms.cache_clear()
        return declared

    return declare


@cache
def transforms() -> Mapping[str, Transform]:
    """Every transform by name: the built-in ones, then those of installed packages."""
    known = dict(_builtin)
    for point in importlib.metadata.entry_points(group="latentwalk.transforms"):
        plugin = point.load()
        known[plugin.name] = plugin
    return MappingProxyType(known)


def find(name: str) -> Transform:
    """The transform of that name. Raises NotFound, whose hint lists the known ones."""
    if name not in transforms():
        raise NotFound(f"There is no transform “{name[:60]}”.", f"Choose one of {', '.join(transforms())}.")
    return transforms()[name]


def warp(images: Tensor, matrices: Tensor) -> Edited:
    """Resample `images` by affine maps `matrices` [N, 2, 3] from output to input positions, in half image sides.

    Edge pixels are repeated outwards, so that a pixel that lies half outside contains no padding colour. The mask is
    an image of ones warped likewise, with zero padding: fractional at the border.
    """
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    edited = grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    ones = torch.ones_like(images[:, :1])
    mask = grid_sample(ones, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return edited, mask


def _affine(rows: tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _valid_everywhere(edited: Tensor) -> Edited:
    # A colour edit is valid everywhere; it is clamped because no image file can hold values beyond the range.
    return edited.clamp(-1, 1), torch.ones_like(edited[:, :1])


def _per_image(amounts: Tensor) -> Tensor:
    return amounts[:, None, None, None]


FACTOR = Unit("x", neutral=1.0, scale="log", decimals=2)
PIXELS = Unit("px", decimals=1)
DEGREES = Unit("°", decimals=1)
PERCENT = Unit("%", decimals=1)


@transform(title="Zoom", group="geometry", unit=FACTOR, reach=2.0, moves=True)
def zoom(images: Tensor, amounts: Tensor) -> Edited:
    """Enlarges the image about its centre; below ×1 it shrinks and shows what would lie around it."""
    zero, scale = torch.zeros_like(amounts), 1 / amounts
    return warp(images, _affine(((scale, zero, zero), (zero, scale, zero))))


@transform(title="Shift sideways", group="geometry", unit=PIXELS, reach=0.125, relative=True, moves=True)
def shift_x(images: Tensor, amounts: Tensor) -> Edited:
    """Moves the image right; negative amounts move it left."""
    zero, one = torch.zeros_like(amounts), torch.ones_like(amounts)
    return warp(images, _affine(((one, zero, -2 * amounts / images.shape[3]), (zero, one, zero))))


@transform(title="Shift up", group="geometry", unit=PIXELS, reach=0.125, relative=True, moves=True)
def shift_y(images: Tensor, amounts: Tensor) -> Edited:
    """Moves the image up; negative amounts move it down."""
    zero, one = torch.zeros_like(amounts), torch.ones_like(amounts)
    return warp(images, _affine(((one, zero, zero), (zero, one, 2 * amounts / images.shape[2]))))


@transform(title="Rotate", group="geometry", unit=DEGREES, reach=30.0, moves=True)
def rotate(images: Tensor, amounts: Tensor) -> Edited:
    """Rotates the image clockwise about its centre; negative amounts rotate it counterclockwise."""
    angle = amounts * (math.pi / 180)
    zero, cosine, sine = torch.zeros_like(angle), angle.cos(), angle.sin()
    return warp(images, _affine(((cosine, sine, zero), (-sine, cosine, zero))))


@transform(title="Brightness", group="colour", unit=PERCENT, reach=40.0)
def brightness(images: Tensor, amounts: Tensor) -> Edited:
    """Adds lightness, in per cent of the span from black to white."""
    return _valid_everywhere(images + _per_image(amounts) / 50)


@transform(title="Contrast", group="colour", unit=FACTOR, reach=2.0)
def contrast(images: Tensor, amounts: Tensor) -> Edited:
    """Scales values about the image's mean."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return _valid_everywhere(mean + (images - mean) * _per_image(amounts))


def _channel(images: Tensor, amounts: Tensor, channel: int) -> Edited:
    added = torch.zeros_like(images[:1])
    added[:, channel] = 1
    return _valid_everywhere(images + added * _per_image(amounts) / 50)


@transform(title="Red", group="colour", unit=PERCENT, reach=40.0)
def red(images: Tensor, amounts: Tensor) -> Edited:
    """Adds red, in per cent of the channel's span."""
    return _channel(images, amounts, 0)


@transform(title="Green", group="colour", unit=PERCENT, reach=40.0)
def green(images: Tensor, amounts: Tensor) -> Edited:
    """Adds green, in per cent of the channel's span."""
    return _channel(images, amounts, 1)


@transform(title="Blue", group="colour", unit=PERCENT, reach=40.0)
def blue(images: Tensor, amounts: Tensor) -> Edited:
    """Adds blue, in per cent of the channel's span."""
    return _channel(images, amounts, 2)


@transform(title="Saturation", group="colour", unit=FACTOR, reach=2.0)
def saturation(images: Tensor, amounts: Tensor) -> Edited:
    """Scales colours about the grey of the same lightness."""
    weights = images.new_tensor(GREY)[:, None, None]
    grey = (images * weights).sum(dim=1, keepdim=True)
    return _valid_everywhere(grey + (images - grey) * _per_image(amounts))
