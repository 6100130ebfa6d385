"""Classification accuracy score (Ravuri, Vinyals 2019): trained on samples only, tested on real pictures.

Beside it stand the same classifier trained on as many real pictures of the same labels, and on each class's mean
picture repeated: the floor, well above chance where classes differ by colour. The skill is the share of the way from
that floor to real data.
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
from latentwalk.training.evaluation.intervals import bootstrap
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, floats, quantised
from latentwalk.training.evaluation.recognition import Share, shares

ARMS = ("real", "generated", "floor")


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: accuracy trained on real and on generated, and the difference with its paired interval."""

    name: str
    real: Share
    generated: Share
    floor: Share
    drop: float
    interval: tuple[float, float] | None

    @property
    def worse(self) -> bool:
        """Whether samples teach this class worse than real pictures, beyond chance."""
        return self.interval is not None and self.interval[0] > 0

    def view(self) -> dict[str, object]:
        """As JSON."""
        shares = {arm: getattr(self, arm).view() for arm in ARMS}
        return {"class": self.name, **shares, "drop": self.drop, "interval": self.interval, "worse": self.worse}


@dataclass(frozen=True, slots=True)
class AccuracyScore:
    """The score of all classes; `skill` is None where real pictures teach no more than the floor."""

    real: Share
    generated: Share
    floor: Share
    skill: float | None
    interval: tuple[float, float] | None
    classes: tuple[ClassScore, ...]
    pictures: int
    settings: FitSettings

    def view(self) -> dict[str, object]:
        """As JSON."""
        return {
            **{arm: getattr(self, arm).view() for arm in ARMS},
            "skill": self.skill,
            "interval": self.interval,
            "classes": [one.view() for one in self.classes],
            "trained_on": self.pictures,
            "settings": asdict(self.settings),
        }


def accuracy_score(
    real: LabelledSamples, generated: LabelledSamples, test: LabelledSamples, names: Sequence[str],
    settings: FitSettings, folder: Path | None = None, device: Device = "cpu",
) -> Work[AccuracyScore]:  # fmt: skip
    """Train three classifiers alike and test them on the same real pictures, which none of them saw.

    The samples stand in for the real pictures one for one, so the counts must agree class by class. With a `folder`
    each training can be gone on with. Invalid for fewer than two classes (an unconditional generator has no score)
    and for counts that differ.
    """
    if len(names) < 2:
        raise Invalid("A generator without classes has no accuracy score.", "Train one with two classes or more.")
    counts = torch.bincount(real.kinds, minlength=len(names))
    if not torch.equal(counts, torch.bincount(generated.kinds, minlength=len(names))) or not counts.all():
        raise Invalid("Samples and real pictures differ in number.", "Draw as many of each class, one or more.")
    hits = []
    sets = (real, generated, class_means(real, len(names)))
    for number, (arm, data) in enumerate(zip(ARMS, sets, strict=True)):
        file = None if folder is None else folder / f"score-{arm}.safetensors"
        low = number / len(ARMS)
        net = yield from scale_progress(fit(data, len(names), settings, file, device), low, low + 0.3)
        found = yield from scale_progress(scores(net, test.pictures), low + 0.3, low + 1 / 3)
        hits.append(found.argmax(dim=1) == test.kinds)
    return judged(torch.stack(hits), test.kinds, names, len(real), settings)


def class_means(real: LabelledSamples, classes: int) -> LabelledSamples:
    """Each class's mean picture in the place of every picture of it."""
    pictures = real.pictures.clone()
    for kind in range(classes):
        here = real.kinds == kind
        if here.any():
            pictures[here] = quantised(floats(real.pictures[here]).mean(dim=0, keepdim=True))
    return LabelledSamples(pictures, real.kinds)


def judged(hits: Tensor, kinds: Tensor, names: Sequence[str], pictures: int, settings: FitSettings) -> AccuracyScore:
    """The score from which test pictures [3, N] each classifier got right; intervals are drawn over the pictures."""
    source = torch.Generator().manual_seed(settings.seed)
    real, generated, floor = hits.double().mean(dim=1).tolist()
    skill = (generated - floor) / (real - floor) if real > floor else None
    table = [shares(row, kinds, range(len(names))) for row in hits]
    classes = []
    for kind, name in enumerate(names):
        here = hits[:2, kinds == kind]
        interval = bootstrap(here, lambda means: means[0] - means[1], source) if here.shape[1] else None
        drop = round(table[0][kind].value - table[1][kind].value, 5)
        classes.append(ClassScore(name, table[0][kind], table[1][kind], table[2][kind], drop, _rounded(interval)))
    spread = bootstrap(hits, lambda means: (means[1] - means[2]) / (means[0] - means[2]), source)
    whole = [Share(int(row.sum()), len(row)) for row in hits]
    return AccuracyScore(
        real=whole[0],
        generated=whole[1],
        floor=whole[2],
        skill=None if skill is None else round(skill, 5),
        interval=None if skill is None else _rounded(spread),
        classes=tuple(classes),
        pictures=pictures,
        settings=settings,
    )


def _rounded(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if interval is None else (round(interval[0], 5), round(interval[1], 5))
