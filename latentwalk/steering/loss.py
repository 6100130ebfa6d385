"""The reconstruction loss of a walk: masked, area-normalised, multi-scale squared error."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d

SCALES = 3


def masked_error(images: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference over the valid area, for each image [N]; images in [-1, 1], mask [N, 1, H, W]."""
    area = images.shape[1] * mask.sum(dim=(1, 2, 3))
    return ((images - target).square() * mask).sum(dim=(1, 2, 3)) / area.clamp_min(1)


def multiscale_error(images: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """`masked_error` averaged over the full, half and quarter resolution, for each image [N].

    The coarse scales still have a gradient where moved detail no longer overlaps at the fine scale (section 3.1 of
    the steerability paper uses one scale). Differences are pooled together with their mask, which avoids a seam at
    the border.
    """
    difference = (images - target) * mask
    total = masked_error(images, target, mask)
    for _ in range(SCALES - 1):
        difference, mask = avg_pool2d(difference, 2), avg_pool2d(mask, 2)
        area = images.shape[1] * mask.square().sum(dim=(1, 2, 3))
        total = total + difference.square().sum(dim=(1, 2, 3)) / area.clamp_min(1)
    return total / SCALES
