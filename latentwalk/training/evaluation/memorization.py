"""Memorization: the share of samples that are closer to training images than real images almost ever are.

Held-out real images set the threshold: one in a hundred of them lies within it of some training image, so a generator
that memorizes nothing has a share of about 0.01 or less. Distances in features detect copies that were moved or
mirrored; distances in pixels detect only exact ones, and need no net.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.training.evaluation.classifier_training import FeatureNet, features
from latentwalk.training.evaluation.intervals import Share
from latentwalk.training.evaluation.labelled_samples import to_float

QUANTILE = 0.01
CHUNK = 256
PIXEL_SIDE = 16  # the side at which images are compared pixel by pixel
SHEET = 64  # samples on the sheet of neighbours
NEAREST = 3
COLUMNS = 4  # samples in a row of the sheet, each with its neighbours


@dataclass(frozen=True, slots=True, eq=False)
class MemorizationResult:
    """How many samples lie within `threshold` of training images, and in which space.

    `ratio` is the median distance of samples over that of held-out images: far below 1 with a small share, it shows a
    smooth generator, not one that memorizes. `nearest` [N, k] holds the rows of each sample's nearest training images.
    """

    space: str
    near: Share
    threshold: float
    ratio: float
    training: int
    held_out: int
    nearest: Tensor

    def to_json(self) -> dict[str, object]:
        """The figures as a report holds them."""
        sizes = {"training": self.training, "held_out": self.held_out}
        return {"space": self.space, **self.near.to_json(), "threshold": self.threshold, "ratio": self.ratio, **sizes}


def memorization(net: FeatureNet, samples: Tensor, training: Tensor, held_out: Tensor) -> Work[MemorizationResult]:
    """The share of copies in the features of a net, of 8-bit images [N, C, H, W].

    Samples and held-out images are compared both as they are and mirrored, whichever is closer. Raises Invalid with
    fewer than a hundred held-out images.
    """
    reference = yield from scale_progress(features(net, training), 0.0, 0.4)
    views = []
    for number, images in enumerate((samples, held_out)):
        low = 0.4 + 0.2 * number
        plain = yield from scale_progress(features(net, images), low, low + 0.1)
        flipped = yield from scale_progress(features(net, images, flipped=True), low + 0.1, low + 0.2)
        views.append(torch.stack([plain, flipped]))
    return (yield from scale_progress(compare(net.name, views[0], views[1], reference), 0.8, 1.0))


def memorization_in_pixels(samples: Tensor, training: Tensor, held_out: Tensor) -> Work[MemorizationResult]:
    """The share of copies in pixels at a side of `PIXEL_SIDE`, without mirroring."""
    samples, training, held_out = (
        adaptive_avg_pool2d(to_float(images), PIXEL_SIDE).flatten(1) for images in (samples, training, held_out)
    )
    return (yield from compare("pixels", samples[None], held_out[None], training))


def compare(space: str, samples: Tensor, held_out: Tensor, training: Tensor) -> Work[MemorizationResult]:
    """The share of samples [V, N, D], in V views each, closer to training [M, D] than 1 % of held-out [V, K, D]."""
    if held_out.shape[1] < 1 / QUANTILE:
        raise Invalid(
            "Too few pictures were held out to measure memorization.", "Hold out at least a hundred pictures."
        )
    distances, rows = yield from scale_progress(nearest(samples, training, NEAREST), 0.0, 0.5)
    usual, _ = yield from scale_progress(nearest(held_out, training, 1), 0.5, 1.0)
    threshold = torch.quantile(usual[:, 0], QUANTILE)
    near = Share(int((distances[:, 0] < threshold).sum()), len(distances))
    ratio = float(distances[:, 0].median() / usual[:, 0].median().clamp_min(1e-12))
    return MemorizationResult(space, near, round(float(threshold), 5), round(ratio, 4), len(training), len(usual), rows)


def nearest(queries: Tensor, training: Tensor, count: int) -> Work[tuple[Tensor, Tensor]]:
    """Distances and rows [N, count] of the nearest training vectors [M, D], over the views of queries [V, N, D]."""
    distances, rows = [], []
    total = queries.shape[1]
    for start in range(0, total, CHUNK):
        views = [_distances(view[start : start + CHUNK].float(), training.float()) for view in queries]
        closest = torch.stack(views).amin(dim=0).topk(min(count, len(training)), dim=1, largest=False)
        distances.append(closest.values)
        rows.append(closest.indices)
        yield Progress(min((start + CHUNK) / total, 1.0), "Finding the nearest training pictures")
    return torch.cat(distances), torch.cat(rows)


def neighbour_sheet(samples: Tensor, training: Tensor, rows: Tensor, count: int = SHEET) -> Tensor:
    """Samples, each followed by its nearest training images: uint8 [H, W, 3], `COLUMNS` samples in a row.

    `samples` and `training` are 8-bit [N, C, H, W], `rows` [N, k] is from `nearest`; `count` evenly spaced samples are
    shown.
    """
    picks = torch.linspace(0, len(samples) - 1, min(count, len(samples))).long().tolist()
    gap = max(samples.shape[-1] // 16, 2)
    tiles = []
    for pick in picks:
        row = torch.cat([samples[pick], *training[rows[pick]]], dim=2)
        tiles.append(pad(row, (0, gap, 0, gap // 2), value=255))
    tiles += [torch.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    lines = [torch.cat(tiles[start : start + COLUMNS], dim=2) for start in range(0, len(tiles), COLUMNS)]
    return torch.cat(lines, dim=1).expand(3, -1, -1).permute(1, 2, 0).contiguous()


def _distances(queries: Tensor, training: Tensor) -> Tensor:
    # By differences, not products: the distance of a copy must be zero, not the rounding error of two large squares.
    return torch.cdist(queries, training, compute_mode="donot_use_mm_for_euclid_dist")
