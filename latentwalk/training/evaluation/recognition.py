"""Whether a net trained on real pictures sees in each sample the class it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentwalk.progress import Work
from latentwalk.training.evaluation.classifier_training import FeatureNet, scores
from latentwalk.training.evaluation.intervals import wilson
from latentwalk.training.evaluation.labelled_samples import LabelledSamples


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `count`, as a share with its Wilson interval."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else float("nan")

    def view(self) -> dict[str, object]:
        """As JSON: share, low, high, count; the share is None where nothing was counted."""
        low, high = wilson(self.hits, self.count)
        share = round(self.value, 5) if self.count else None
        return {"share": share, "low": round(low, 5), "high": round(high, 5), "count": self.count}


@dataclass(frozen=True, slots=True)
class Recognition:
    """How many pictures were taken for what they should be, in all and class by class; and for what else.

    `confused` is [asked, seen, times] for the most frequent mistakes.
    """

    net: str
    whole: Share
    classes: tuple[Share, ...]
    confused: tuple[tuple[int, int, int], ...]


def recognition(net: FeatureNet, data: LabelledSamples) -> Work[Recognition]:
    """The share of pictures in which the net sees their class."""
    found = yield from scores(net, data.pictures)
    classes = net.classifier.classes
    seen = found.argmax(dim=1)
    table = torch.zeros(classes, classes, dtype=torch.long)
    table.index_put_((data.kinds, seen), torch.ones_like(seen), accumulate=True)
    wrong = table.clone()
    wrong.fill_diagonal_(0)
    order = wrong.flatten().argsort(descending=True, stable=True)[:5].tolist()
    confused = [(at // classes, at % classes, int(wrong.flatten()[at])) for at in order]
    return Recognition(
        net.name,
        Share(int(table.diagonal().sum()), len(data)),
        shares(seen == data.kinds, data.kinds, range(classes)),
        tuple(row for row in confused if row[2]),
    )


def shares(hits: Tensor, kinds: Tensor, classes: Sequence[int]) -> tuple[Share, ...]:
    """Hits [N] counted class by class."""
    return tuple(Share(int(hits[kinds == kind].sum()), int((kinds == kind).sum())) for kind in classes)
