"""Estimating how much of a transform an image shows: the amount whose edit of the original fits the image best.

No detector is needed, and any transform will do. Images are compared at 64 px. Recolouring is fitted on pixel values,
by masked squared error. Movement is fitted on *structure* (lightness, smoothed and normalised by its local mean and
contrast), by masked correlation. On images edited by a known amount whose latent was then shifted at random by 6 (of a
typical length of 10), estimates by squared error scatter by 0.06 to 0.45 of the range with a bias of up to 0.1 of it;
those on structure scatter by 0.06 to 0.26 with a bias of up to 0.05, so that a walk which lightens the border no
longer counts as a zoom.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from latentwalk.steering.loss import masked_error
from latentwalk.steering.transforms import GREY, Transform

SIDE = 64
CANDIDATES = 37
SEARCH = 1.5  # times the requested limits; larger amounts are not resolved


def structure(images: Tensor) -> Tensor:
    """Lightness normalised by its local mean and contrast: [N, 3, H, W] to [N, 1, h, w] with h at most 64."""
    weights = images.new_tensor(GREY)[:, None, None]
    lightness = blur(downsample((images * weights).sum(dim=1, keepdim=True)), 2.0)
    mean = blur(lightness, 10.0)
    contrast = (blur(lightness.square(), 10.0) - mean.square()).clamp_min(0).sqrt()
    return (lightness - mean) / (contrast + 0.05)


def downsample(images: Tensor) -> Tensor:
    """Images halved until they are at most 64 px a side; finer detail does not improve the estimate."""
    while images.shape[-1] > SIDE:
        images = avg_pool2d(images, 2)
    return images


def blur(images: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of `sigma` pixels of [N, 1, H, W]; edge pixels are repeated outwards."""
    radius = min(int(3 * sigma + 0.5), images.shape[-1] - 1)
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-offsets.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    rows = conv2d(pad(images, (radius, radius, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    return conv2d(pad(rows, (0, 0, radius, radius), mode="replicate"), kernel.view(1, 1, -1, 1))


def disagreement(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """One minus the correlation over the valid area, for each image [N]."""
    area = mask.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)
    centred = [(part - (part * mask).sum(dim=(1, 2, 3), keepdim=True) / area) * mask.sqrt() for part in (first, second)]
    covariance = (centred[0] * centred[1]).sum(dim=(1, 2, 3))
    variances = centred[0].square().sum(dim=(1, 2, 3)) * centred[1].square().sum(dim=(1, 2, 3))
    return 1 - covariance / variances.sqrt().clamp_min(1e-9)


def estimate_amount(originals: Tensor, steered: Tensor, transform: Transform) -> Tensor:
    """The coordinate of `transform` reached in each steered image: [N] for steered images [N, 3, H, W], [K, N] for
    [K, N, 3, H, W]; originals are [N, 3, H, W].

    A grid search over 1.5 times the limits is refined by a parabola.
    """
    batches = steered if steered.ndim == 5 else steered[None]
    resolution = originals.shape[-1]
    limit = transform.unit.coordinate(transform.limits(resolution)[1])
    grid = torch.linspace(-SEARCH * limit, SEARCH * limit, CANDIDATES, device=originals.device)
    prepare = structure if transform.moves else downsample
    prepared, others = prepare(originals), [prepare(images) for images in batches]
    scale = prepared.shape[-1] / resolution if transform.relative else 1.0
    misfit = disagreement if transform.moves else masked_error
    rows = []
    for candidate in grid:
        edited, mask = transform(prepared, (candidate * scale).expand(len(prepared)))
        rows.append(torch.stack([misfit(images, edited, mask) for images in others]))
    amounts = _minimum(torch.stack(rows), grid)
    return amounts if steered.ndim == 5 else amounts[0]


def _minimum(misfits: Tensor, grid: Tensor) -> Tensor:
    # The lowest of [G, K, N] along the grid, refined by the parabola through it and its neighbours.
    lowest = misfits.argmin(dim=0, keepdim=True).clamp(1, len(grid) - 2)
    left, here, right = (misfits.gather(0, lowest + offset)[0] for offset in (-1, 0, 1))
    curvature = (left - 2 * here + right).clamp_min(1e-12)
    shift = ((left - right) / (2 * curvature)).clamp(-1, 1)
    return grid[lowest[0]] + shift * (grid[1] - grid[0])
