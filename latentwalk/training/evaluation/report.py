"""The evaluation report of a generator: every figure of its model card, and what it was measured with.

The result of every stage is stored as soon as it is computed. An interrupted report resumes with the next stage, and
an interrupted training of a classifier from its own checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.rendering.image_codec import encode, to_image
from latentwalk.training.evaluation.classification_accuracy import accuracy_score
from latentwalk.training.evaluation.classifier_training import Device, FeatureNet, FitSettings, fit
from latentwalk.training.evaluation.distances import distances
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, Sampler, gather, mix_seed
from latentwalk.training.evaluation.memorization import memorization, memorization_in_pixels, neighbour_sheet
from latentwalk.training.evaluation.recognition import recognition
from models.atomic_files import write

FILE = "report.json"
NET = "net.safetensors"
SHEET = "neighbours.png"

Figures = dict[str, Any]


class Draw(Enum):
    """The sets of images that a report draws, each with a seed of its own, so that no training image is in a test set.

    The values enter the seeds: changing one changes every figure that was published with it.
    """

    NET_TRAINING = "net"
    NET_TEST = "net test"
    DISTANCE_REFERENCE = "wanted"
    DISTANCE_GENERATED = "made"
    DISTANCE_REAL = "real"
    RECOGNITION = "shown"
    SCORE_REAL = "lesson"
    SCORE_GENERATED = "lesson made"
    SCORE_TEST = "exam"
    MEMORIZATION_SAMPLES = "suspects"
    MEMORIZATION_TRAINING = "known"
    MEMORIZATION_HELD_OUT = "unknown"
    IDENTITY = "mark"


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """How many images of each class every measure takes, and how its classifiers are trained.

    `net` is the training of the feature net, `score` that of the three classifiers of the accuracy score.
    """

    net: FitSettings = field(default_factory=FitSettings)
    net_pictures: int = 1500
    score: FitSettings = field(default_factory=FitSettings)
    score_pictures: int = 1000
    test_pictures: int = 250
    distance_pictures: int = 400
    copy_samples: int = 100
    copy_training: int = 1000
    copy_held_out: int = 200
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The generator to evaluate and its references: samplers with the same side and the same classes in the same order.

    `training` draws from the images that the generator was trained on, `held_out` from others of the same kind;
    `generator` is the fingerprint of the generator's weights.
    """

    generator: str
    generated: Sampler
    training: Sampler
    held_out: Sampler
    classes: tuple[str, ...]


def report(subject: Subject, settings: ReportSettings, folder: Path, device: Device = "cpu") -> Work[Figures]:
    """Compute the report into `folder`: its JSON, the sheet of nearest neighbours and the classifiers' files.

    The JSON holds `net`, `distances`, `recognition`, `score` and `copying`, each with counts and intervals, and the
    same figures of real images for comparison. Raises Invalid for fewer than two classes.
    """
    if len(subject.classes) < 2:
        raise Invalid("A report needs at least two classes.", "Its features are those of a classifier.")
    folder.mkdir(parents=True, exist_ok=True)
    evaluation = _Evaluation(subject, settings, folder, device)
    identity = yield from scale_progress(evaluation.identity(), 0.0, 0.01)
    figures = _stored(folder / FILE, identity)
    net = yield from scale_progress(evaluation.feature_net(), 0.01, 0.3)
    stages: tuple[tuple[str, float, Callable[[FeatureNet], Work[Figures]]], ...] = (
        ("net", 0.32, evaluation.net_figures),
        ("distances", 0.4, evaluation.distances),
        ("recognition", 0.44, evaluation.recognition),
        ("score", 0.9, evaluation.accuracy_score),
        ("copying", 1.0, evaluation.memorization),
    )
    low = 0.3
    for name, high, stage in stages:
        if name not in figures:
            start = time.perf_counter()
            result = yield from scale_progress(stage(net), low, high)
            figures[name] = {**result, "seconds": round(time.perf_counter() - start, 1)}
            write(folder / FILE, json.dumps(figures, indent=1).encode())
        low = high
    return figures


@dataclass(frozen=True, slots=True, eq=False)
class _Evaluation:
    # The stages of a report; each returns JSON.
    subject: Subject
    settings: ReportSettings
    folder: Path
    device: Device

    def identity(self) -> Work[Figures]:
        # A few real images identify their source, which has no fingerprint.
        subject, digest = self.subject, hashlib.sha256()
        seed = mix_seed(self.settings.seed, Draw.IDENTITY.value)
        for sampler in (subject.training, subject.held_out):
            for kind in range(len(subject.classes)):
                digest.update(sampler(2, kind, seed).float().cpu().numpy().tobytes())
            yield Progress(0.5, "Identifying the pictures")
        return {
            "generator": subject.generator,
            "pictures": digest.hexdigest(),
            "classes": list(subject.classes),
            "settings": asdict(self.settings),
        }

    def feature_net(self) -> Work[FeatureNet]:
        subject, settings = self.subject, self.settings
        samples = yield from self._draw(subject.training, settings.net_pictures, Draw.NET_TRAINING, 0.0, 0.2)
        work = fit(samples, len(subject.classes), settings.net, self.folder / NET, self.device)
        return (yield from scale_progress(work, 0.2, 1.0))

    def net_figures(self, net: FeatureNet) -> Work[Figures]:
        subject, settings = self.subject, self.settings
        test = yield from self._draw(subject.held_out, settings.test_pictures, Draw.NET_TEST, 0.0, 0.6)
        held_out = yield from scale_progress(recognition(net, test), 0.6, 1.0)
        return {
            "name": net.name,
            "fingerprint": net.fingerprint,
            "trained_on": settings.net_pictures * len(subject.classes),
            "settings": asdict(settings.net),
            "held_out": held_out.to_json(subject.classes),
        }

    def distances(self, net: FeatureNet) -> Work[Figures]:
        subject, each, seed = self.subject, self.settings.distance_pictures, self.settings.seed
        reference = yield from self._draw(subject.held_out, each, Draw.DISTANCE_REFERENCE, 0.0, 0.2)
        generated = yield from self._draw(subject.generated, each, Draw.DISTANCE_GENERATED, 0.2, 0.6)
        real = yield from self._draw(subject.training, each, Draw.DISTANCE_REAL, 0.6, 0.8)
        ours = yield from scale_progress(distances(net, generated.images, reference.images, seed), 0.8, 0.9)
        usual = yield from scale_progress(distances(net, real.images, reference.images, seed), 0.9, 1.0)
        return {"name": f"FD-{net.name}", "generated": ours.to_json(), "real": usual.to_json()}

    def recognition(self, net: FeatureNet) -> Work[Figures]:
        samples = yield from self._draw(self.subject.generated, self.settings.test_pictures, Draw.RECOGNITION, 0.0, 0.8)
        result = yield from scale_progress(recognition(net, samples), 0.8, 1.0)
        return {"net": net.name, **result.to_json(self.subject.classes)}

    def accuracy_score(self, net: FeatureNet) -> Work[Figures]:
        subject, settings, each = self.subject, self.settings, self.settings.score_pictures
        real = yield from self._draw(subject.training, each, Draw.SCORE_REAL, 0.0, 0.05)
        generated = yield from self._draw(subject.generated, each, Draw.SCORE_GENERATED, 0.05, 0.2)
        test = yield from self._draw(subject.held_out, settings.test_pictures, Draw.SCORE_TEST, 0.2, 0.23)
        work = accuracy_score(real, generated, test, subject.classes, settings.score, self.folder, self.device)
        return (yield from scale_progress(work, 0.23, 1.0)).to_json()

    def memorization(self, net: FeatureNet) -> Work[Figures]:
        subject, settings = self.subject, self.settings
        samples = yield from self._draw(subject.generated, settings.copy_samples, Draw.MEMORIZATION_SAMPLES, 0.0, 0.3)
        training = yield from self._draw(subject.training, settings.copy_training, Draw.MEMORIZATION_TRAINING, 0.3, 0.5)
        held_out = yield from self._draw(subject.held_out, settings.copy_held_out, Draw.MEMORIZATION_HELD_OUT, 0.5, 0.6)
        sets = (samples.images, training.images, held_out.images)
        in_features = yield from scale_progress(memorization(net, *sets), 0.6, 0.8)
        in_pixels = yield from scale_progress(memorization_in_pixels(*sets), 0.8, 1.0)
        neighbours = neighbour_sheet(samples.images, training.images, in_features.nearest)
        write(self.folder / SHEET, encode(to_image(neighbours.numpy()), "png"))
        return {"features": in_features.to_json(), "pixels": in_pixels.to_json(), "sheet": SHEET}

    def _draw(self, sampler: Sampler, each: int, draw: Draw, low: float, high: float) -> Work[LabelledSamples]:
        work = gather(sampler, [each] * len(self.subject.classes), mix_seed(self.settings.seed, draw.value))
        return (yield from scale_progress(work, low, high))


def _stored(file: Path, identity: Figures) -> Figures:
    # The figures of an interrupted report of the same subject and settings, or just their identity.
    try:
        figures: Figures = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return dict(identity)
    return figures if all(figures.get(key) == value for key, value in identity.items()) else dict(identity)
