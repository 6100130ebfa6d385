"""Classification accuracy score (Ravuri, Vinyals 2019): train a classifier on samples only, test it on real images.

It is reported beside the same classifier trained on as many real images with the same labels, and on each class's mean
image repeated: the floor, which is well above chance if classes differ in colour. The skill is the share of the way
from that floor to real images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.progress import Work, scale_progress
from latentwalk.training.evaluation.classifier_training import Device, FitSettings, fit, scores
from latentwalk.training.evaluation.intervals import Share, bootstrap
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, quantise, to_float
from latentwalk.training.evaluation.recognition import class_shares

ARMS = ("real", "generated", "floor")

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: its accuracy after each training, and the drop from real to generated with its paired interval."""

    name: str
    real: Share
    generated: Share
    floor: Share
    drop: float
    interval: Interval | None

    @property
    def is_worse(self) -> bool:
        """Whether training on samples is worse for this class than training on real images, beyond chance."""
        return self.interval is not None and self.interval[0] > 0

    def to_json(self) -> dict[str, object]:
        """The figures as a report holds them."""
        shares = {arm: getattr(self, arm).to_json() for arm in ARMS}
        return {"class": self.name, **shares, "drop": self.drop, "interval": self.interval, "worse": self.is_worse}


@dataclass(frozen=True, slots=True)
class AccuracyScore:
    """The score over all classes; `skill` is None if training on real images is no better than the floor."""

    real: Share
    generated: Share
    floor: Share
    skill: float | None
    interval: Interval | None
    classes: tuple[ClassScore, ...]
    training_images: int
    settings: FitSettings

    def to_json(self) -> dict[str, object]:
        """The figures as a report holds them."""
        return {
            **{arm: getattr(self, arm).to_json() for arm in ARMS},
            "skill": self.skill,
            "interval": self.interval,
            "classes": [one.to_json() for one in self.classes],
            "trained_on": self.training_images,
            "settings": asdict(self.settings),
        }


def accuracy_score(
    real: LabelledSamples, generated: LabelledSamples, test: LabelledSamples, names: Sequence[str],
    settings: FitSettings, folder: Path | None = None, device: Device = "cpu",
) -> Work[AccuracyScore]:  # fmt: skip
    """Train three classifiers alike and test them on the same real images, which none of them was trained on.

    Samples replace real images one for one, so the counts of each class must agree. With a `folder`, an interrupted
    training is resumed. Raises Invalid for fewer than two classes and for counts that differ.
    """
    if len(names) < 2:
        raise Invalid("A generator without classes has no accuracy score.", "Use one with at least two classes.")
    counts = torch.bincount(real.kinds, minlength=len(names))
    if not torch.equal(counts, torch.bincount(generated.kinds, minlength=len(names))) or not counts.all():
        raise Invalid(
            "Samples and real pictures differ in number.", "Draw as many of each class, at least one of every class."
        )
    hits = []
    training_sets = (real, generated, class_means(real, len(names)))
    for number, (arm, samples) in enumerate(zip(ARMS, training_sets, strict=True)):
        file = None if folder is None else folder / f"score-{arm}.safetensors"
        low = number / len(ARMS)
        net = yield from scale_progress(fit(samples, len(names), settings, file, device), low, low + 0.3)
        values = yield from scale_progress(scores(net, test.images), low + 0.3, low + 1 / 3)
        hits.append(values.argmax(dim=1) == test.kinds)
    return score_from_hits(torch.stack(hits), test.kinds, names, len(real), settings)


def class_means(real: LabelledSamples, classes: int) -> LabelledSamples:
    """The samples with every image replaced by the mean image of its class."""
    images = real.images.clone()
    for kind in range(classes):
        members = real.kinds == kind
        if members.any():
            images[members] = quantise(to_float(real.images[members]).mean(dim=0, keepdim=True))
    return LabelledSamples(images, real.kinds)


def score_from_hits(
    hits: Tensor, kinds: Tensor, names: Sequence[str], training_images: int, settings: FitSettings
) -> AccuracyScore:
    """The score, given which test images [3, N] each classifier got right; intervals are taken over the images."""
    source = torch.Generator().manual_seed(settings.seed)
    real, generated, floor = hits.double().mean(dim=1).tolist()
    skill = (generated - floor) / (real - floor) if real > floor else None
    table = [class_shares(row, kinds, range(len(names))) for row in hits]
    classes = []
    for kind, name in enumerate(names):
        members = hits[:2, kinds == kind]
        interval = bootstrap(members, lambda means: means[0] - means[1], source) if members.shape[1] else None
        drop = round(table[0][kind].value - table[1][kind].value, 5)
        classes.append(ClassScore(name, table[0][kind], table[1][kind], table[2][kind], drop, _rounded(interval)))
    skill_interval = bootstrap(hits, lambda means: (means[1] - means[2]) / (means[0] - means[2]), source)
    overall = [Share(int(row.sum()), len(row)) for row in hits]
    return AccuracyScore(
        real=overall[0],
        generated=overall[1],
        floor=overall[2],
        skill=None if skill is None else round(skill, 5),
        interval=None if skill is None else _rounded(skill_interval),
        classes=tuple(classes),
        training_images=training_images,
        settings=settings,
    )


def _rounded(interval: Interval | None) -> Interval | None:
    return None if interval is None else (round(interval[0], 5), round(interval[1], 5))
