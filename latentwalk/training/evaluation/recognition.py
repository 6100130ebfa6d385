"""Class recognition: whether a classifier trained on real images finds in each sample the class it was requested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentwalk.progress import Work
from latentwalk.training.evaluation.classifier_training import FeatureNet, scores
from latentwalk.training.evaluation.intervals import Share
from latentwalk.training.evaluation.labelled_samples import LabelledSamples

MOST_CONFUSIONS = 5


@dataclass(frozen=True, slots=True)
class Recognition:
    """How many images were classified as their own class, overall and by class.

    `confusions` are rows (class, predicted class, count) of the most frequent mistakes.
    """

    net: str
    overall: Share
    classes: tuple[Share, ...]
    confusions: tuple[tuple[int, int, int], ...]

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """The figures with class names."""
        confused = [[names[kind], names[predicted], count] for kind, predicted, count in self.confusions]
        classes = {name: share.to_json() for name, share in zip(names, self.classes, strict=True)}
        return {**self.overall.to_json(), "classes": classes, "confused": confused}


def recognition(net: FeatureNet, samples: LabelledSamples) -> Work[Recognition]:
    """The share of samples whose class the net predicts."""
    values = yield from scores(net, samples.images)
    classes = net.classifier.classes
    predicted = values.argmax(dim=1)
    table = torch.zeros(classes, classes, dtype=torch.long)
    table.index_put_((samples.kinds, predicted), torch.ones_like(predicted), accumulate=True)
    mistakes = table.clone().fill_diagonal_(0).flatten()
    order = mistakes.argsort(descending=True, stable=True)[:MOST_CONFUSIONS].tolist()
    confusions = [(index // classes, index % classes, int(mistakes[index])) for index in order]
    return Recognition(
        net.name,
        Share(int(table.diagonal().sum()), len(samples)),
        class_shares(predicted == samples.kinds, samples.kinds, range(classes)),
        tuple(row for row in confusions if row[2]),
    )


def class_shares(hits: Tensor, kinds: Tensor, classes: Sequence[int]) -> tuple[Share, ...]:
    """Hits [N] counted by class."""
    return tuple(Share(int(hits[kinds == kind].sum()), int((kinds == kind).sum())) for kind in classes)
