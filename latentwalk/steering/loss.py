"""What a walk is judged by while it learns: masked, area-normalised, multi-scale squared error."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d

SCALES = 3


def masked_error(images: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference over the valid area, for each picture [N]; images in [-1, 1], mask [N, 1, H, W]."""
    area = images.shape[1] * mask.sum(dim=(1, 2, 3))
    return ((images - target).square() * mask).sum(dim=(1, 2, 3)) / area.clamp_min(1)


def multiscale_error(images: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """`masked_error` averaged over the full, half and quarter size, for each picture [N].

    The coarse scales pull where the fine ones, out of step with moved detail, cancel (steerability paper, section
    3.1, uses one scale). Differences are averaged down with their mask, so the border has no seam.
    """
    difference = (images - target) * mask
    total = masked_error(images, target, mask)
    for _ in range(SCALES - 1):
        difference, mask = avg_pool2d(difference, 2), avg_pool2d(mask, 2)
        area = images.shape[1] * mask.square().sum(dim=(1, 2, 3))
        total = total + difference.square().sum(dim=(1, 2, 3)) / area.clamp_min(1)
    return total / SCALES
