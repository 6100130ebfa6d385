"""Whether samples are copies: the share that lies nearer to training data than real pictures nearly ever do.

The measure of nearness is set by held-out real pictures: one in a hundred of them lies within the threshold of some
training picture, so a generator that copies nothing has a share of about 0.01 or less. Distances in features see
copies that were moved or mirrored; distances in pixels see only plain ones, and need no net.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.training.evaluation.classifier_training import FeatureNet, features
from latentwalk.training.evaluation.labelled_samples import floats
from latentwalk.training.evaluation.recognition import Share

QUANTILE = 0.01
CHUNK = 256
PIXELS = 16  # the side at which pictures are compared pixel by pixel
SHEET = 64
NEAREST = 3
ACROSS = 4  # samples in a row of the sheet, each with its neighbours


@dataclass(frozen=True, slots=True, eq=False)
class MemorizationResult:
    """How many samples lie within `threshold` of training data, in which space; `ratio` compares the medians.

    A ratio far below 1 with a small share is a smooth generator, not a copying one. `nearest` [N, k] holds the
    rows of each sample's nearest training pictures.
    """

    space: str
    near: Share
    threshold: float
    ratio: float
    training: int
    held_out: int
    nearest: Tensor

    def view(self) -> dict[str, object]:
        """As JSON."""
        sizes = {"training": self.training, "held_out": self.held_out}
        return {"space": self.space, **self.near.view(), "threshold": self.threshold, "ratio": self.ratio, **sizes}


def memorization(net: FeatureNet, samples: Tensor, training: Tensor, held_out: Tensor) -> Work[MemorizationResult]:
    """The share of copies in the features of a net, of 8-bit pictures [N, C, H, W].

    Samples and held-out pictures are compared as they are and mirrored, whichever is nearer. Invalid without enough
    held-out pictures: there is no verdict without them.
    """
    known = yield from scale_progress(features(net, training), 0.0, 0.4)
    views = []
    for number, pictures in enumerate((samples, held_out)):
        low = 0.4 + 0.2 * number
        plain = yield from scale_progress(features(net, pictures), low, low + 0.1)
        turned = yield from scale_progress(features(net, pictures, mirrored=True), low + 0.1, low + 0.2)
        views.append(torch.stack([plain, turned]))
    return (yield from scale_progress(compare(net.name, views[0], views[1], known), 0.8, 1.0))


def memorization_in_pixels(samples: Tensor, training: Tensor, held_out: Tensor) -> Work[MemorizationResult]:
    """The same in pixels, at a side of `PIXELS`, plain pictures only."""
    small = [adaptive_avg_pool2d(floats(set), PIXELS).flatten(1) for set in (samples, training, held_out)]
    return (yield from compare("pixels", small[0][None], small[2][None], small[1]))


def compare(space: str, samples: Tensor, held_out: Tensor, training: Tensor) -> Work[MemorizationResult]:
    """The share of samples [V, N, D], in V views each, nearer to training [M, D] than 1 % of held-out [V, K, D]."""
    if held_out.shape[1] < 1 / QUANTILE:
        raise Invalid("Too few pictures were held out for a verdict on copying.", "Hold out a hundred or more.")
    found, rows = yield from scale_progress(nearest(samples, training, NEAREST), 0.0, 0.5)
    usual, _ = yield from scale_progress(nearest(held_out, training, 1), 0.5, 1.0)
    threshold = torch.quantile(usual[:, 0], QUANTILE)
    near = Share(int((found[:, 0] < threshold).sum()), len(found))
    ratio = float(found[:, 0].median() / usual[:, 0].median().clamp_min(1e-12))
    return MemorizationResult(space, near, round(float(threshold), 5), round(ratio, 4), len(training), len(usual), rows)


def nearest(queries: Tensor, training: Tensor, count: int) -> Work[tuple[Tensor, Tensor]]:
    """Distances and rows [N, count] of the nearest training vectors [M, D], over the views of queries [V, N, D]."""
    distances, rows = [], []
    whole = queries.shape[1]
    for start in range(0, whole, CHUNK):
        views = [_distances(view[start : start + CHUNK].float(), training.float()) for view in queries]
        found = torch.stack(views).amin(dim=0).topk(min(count, len(training)), dim=1, largest=False)
        distances.append(found.values)
        rows.append(found.indices)
        yield Progress(min((start + CHUNK) / whole, 1.0), "Looking for the nearest training pictures")
    return torch.cat(distances), torch.cat(rows)


def sheet(samples: Tensor, training: Tensor, rows: Tensor, count: int = SHEET) -> Tensor:
    """Samples, each followed by its nearest training pictures: uint8 [H, W, 3], `ACROSS` samples in a row.

    `samples` and `training` are 8-bit [N, C, H, W], `rows` [N, k] what `nearest` found; `count` samples are taken
    evenly from all.
    """
    picks = torch.linspace(0, len(samples) - 1, min(count, len(samples))).long().tolist()
    gap = max(samples.shape[-1] // 16, 2)
    cells = []
    for pick in picks:
        row = torch.cat([samples[pick], *training[rows[pick]]], dim=2)
        cells.append(torch.nn.functional.pad(row, (0, gap, 0, gap // 2), value=255))
    cells += [torch.full_like(cells[0], 255)] * (-len(cells) % ACROSS)
    lines = [torch.cat(cells[start : start + ACROSS], dim=2) for start in range(0, len(cells), ACROSS)]
    whole = torch.cat(lines, dim=1).expand(3, -1, -1)
    return whole.permute(1, 2, 0).contiguous()


def _distances(queries: Tensor, training: Tensor) -> Tensor:
    # Differences, not products: a copy must lie at zero, not at the rounding of two large squares.
    return torch.cdist(queries, training, compute_mode="donot_use_mm_for_euclid_dist")
