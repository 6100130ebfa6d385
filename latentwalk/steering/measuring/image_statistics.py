"""Plain image statistics, and the leakage of a slider: how far they deviate from those of the ideal edit."""

from __future__ import annotations

import torch
from torch import Tensor

from latentwalk.steering.transforms import GREY

NAMES = ("lightness", "contrast", "saturation", "red", "green", "blue", "sharpness")


def image_statistics(images: Tensor, mask: Tensor) -> Tensor:
    """The statistics `NAMES` of each image over its valid area: [N, len(NAMES)].

    Images are [N, 3, H, W] in [-1, 1], masks [N, 1, H, W] in [0, 1].
    """
    area = mask.sum(dim=(1, 2, 3)).clamp_min(1e-6)

    def mean(values: Tensor) -> Tensor:
        return (values * mask).sum(dim=(1, 2, 3)) / area

    grey = (images * images.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True)
    lightness = mean(grey)
    contrast = mean((grey - lightness[:, None, None, None]).square()).sqrt()
    saturation = mean((images - grey).square().mean(dim=1, keepdim=True)).sqrt()
    channels = [mean(images[:, channel : channel + 1] - grey) for channel in range(3)]
    edges = torch.zeros_like(grey)
    edges[..., :-1] += (grey[..., 1:] - grey[..., :-1]).abs()
    edges[..., :-1, :] += (grey[..., 1:, :] - grey[..., :-1, :]).abs()
    return torch.stack([lightness, contrast, saturation, *channels, mean(edges)], dim=1)


def leakage(steered: Tensor, ideal: Tensor, mask: Tensor, population: Tensor) -> Tensor:
    """The distance of each statistic of the steered images from the ideal edit's, in standard deviations of the
    population's statistics [M, len(NAMES)]: [N, len(NAMES)].

    Like StyleSpace's attribute dependency (Wu et al. 2021, section 5), except that a change which the transform
    itself makes does not count.
    """
    deviation = population.std(dim=0).clamp_min(1e-6)
    return (image_statistics(steered, mask) - image_statistics(ideal, mask)).abs() / deviation
