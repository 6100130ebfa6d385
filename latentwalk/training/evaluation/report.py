"""All figures of a generator in one place: what it was measured with, and the numbers of its training card.

Every stage's result is stored as soon as it is there, and a report stopped anywhere goes on with the next stage; the
classifiers inside go on from their own files.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.rendering.image_codec import encode as to_file
from latentwalk.rendering.image_codec import to_image
from latentwalk.training.evaluation.classification_accuracy import accuracy_score
from latentwalk.training.evaluation.classifier_training import Device, FeatureNet, FitSettings, fit
from latentwalk.training.evaluation.distances import Distances, distances
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, Sampler, gather, mixed
from latentwalk.training.evaluation.memorization import memorization, memorization_in_pixels, sheet
from latentwalk.training.evaluation.recognition import Recognition, recognition
from models.atomic_files import write

FILE = "report.json"
SHEET = "neighbours.png"
View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """How many pictures of each class each measure takes, and how its classifiers are trained.

    `net` and `score` are the trainings of the net and of the accuracy score's three classifiers.
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
    """What is judged, and against what: samplers of one side, with the same classes in the same order.

    `training` draws the pictures the generator learned from, `held_out` ones of the same making that it never saw;
    `generator` is the fingerprint of its weights.
    """

    generator: str
    generated: Sampler
    training: Sampler
    held_out: Sampler
    classes: tuple[str, ...]


def report(subject: Subject, settings: ReportSettings, folder: Path, device: Device = "cpu") -> Work[View]:
    """Compute everything into `folder`: the report as JSON, the sheet of neighbours, the classifiers' files.

    The view holds `net`, `distances`, `recognition`, `score` and `copying`, each with its counts and intervals, and
    real pictures measured in the same way beside the generated ones. Invalid for fewer than two classes.
    """
    if len(subject.classes) < 2:
        raise Invalid("A report needs two classes or more.", "Its net is a classifier of them.")
    folder.mkdir(parents=True, exist_ok=True)
    mark = yield from scale_progress(_mark(subject, settings), 0.0, 0.01)
    view = _stored(folder / FILE, mark)
    net = yield from scale_progress(_net(subject, settings, folder, device), 0.01, 0.3)
    stages: tuple[tuple[str, float, Callable[[], Work[View]]], ...] = (
        ("net", 0.32, lambda: _described(subject, settings, net)),
        ("distances", 0.4, lambda: _distances(subject, settings, net)),
        ("recognition", 0.44, lambda: _recognised(subject, settings, net)),
        ("score", 0.9, lambda: _scored(subject, settings, folder, device)),
        ("copying", 1.0, lambda: _copied(subject, settings, net, folder)),
    )
    low = 0.3
    for name, high, stage in stages:
        if name not in view:
            begun = time.perf_counter()
            result = yield from scale_progress(stage(), low, high)
            view[name] = {**result, "seconds": round(time.perf_counter() - begun, 1)}
            write(folder / FILE, json.dumps(view, indent=1).encode())
        low = high
    return view


def _drawn(sampler: Sampler, subject: Subject, each: int, settings: ReportSettings, role: str) -> Work[LabelledSamples]:
    # Every role draws from a seed of its own: pictures a classifier was trained on are never its test.
    return (yield from gather(sampler, [each] * len(subject.classes), mixed(settings.seed, role)))


def _net(subject: Subject, settings: ReportSettings, folder: Path, device: Device) -> Work[FeatureNet]:
    data = yield from scale_progress(
        _drawn(subject.training, subject, settings.net_pictures, settings, "net"), 0.0, 0.2
    )
    return (
        yield from scale_progress(
            fit(data, len(subject.classes), settings.net, folder / "net.safetensors", device), 0.2, 1.0
        )
    )


def _described(subject: Subject, settings: ReportSettings, net: FeatureNet) -> Work[View]:
    test = yield from scale_progress(
        _drawn(subject.held_out, subject, settings.test_pictures, settings, "net test"), 0.0, 0.6
    )
    found = yield from scale_progress(recognition(net, test), 0.6, 1.0)
    trained_on = settings.net_pictures * len(subject.classes)
    identity = {"name": net.name, "fingerprint": net.fingerprint, "trained_on": trained_on}
    return {**identity, "settings": asdict(settings.net), "held_out": _recognition(found, subject.classes)}


def _distances(subject: Subject, settings: ReportSettings, net: FeatureNet) -> Work[View]:
    each = settings.distance_pictures
    wanted = yield from scale_progress(_drawn(subject.held_out, subject, each, settings, "wanted"), 0.0, 0.2)
    made = yield from scale_progress(_drawn(subject.generated, subject, each, settings, "made"), 0.2, 0.6)
    real = yield from scale_progress(_drawn(subject.training, subject, each, settings, "real"), 0.6, 0.8)
    found = yield from scale_progress(distances(net, made.pictures, wanted.pictures, settings.seed), 0.8, 0.9)
    usual = yield from scale_progress(distances(net, real.pictures, wanted.pictures, settings.seed), 0.9, 1.0)
    return {"name": f"FD-{net.name}", "generated": _rounded(found), "real": _rounded(usual)}


def _recognised(subject: Subject, settings: ReportSettings, net: FeatureNet) -> Work[View]:
    made = yield from scale_progress(
        _drawn(subject.generated, subject, settings.test_pictures, settings, "shown"), 0.0, 0.8
    )
    found = yield from scale_progress(recognition(net, made), 0.8, 1.0)
    return {"net": net.name, **_recognition(found, subject.classes)}


def _scored(subject: Subject, settings: ReportSettings, folder: Path, device: Device) -> Work[View]:
    each = settings.score_pictures
    real = yield from scale_progress(_drawn(subject.training, subject, each, settings, "lesson"), 0.0, 0.05)
    made = yield from scale_progress(_drawn(subject.generated, subject, each, settings, "lesson made"), 0.05, 0.2)
    test = yield from scale_progress(
        _drawn(subject.held_out, subject, settings.test_pictures, settings, "exam"), 0.2, 0.23
    )
    work = accuracy_score(real, made, test, subject.classes, settings.score, folder, device)
    return (yield from scale_progress(work, 0.23, 1.0)).view()


def _copied(subject: Subject, settings: ReportSettings, net: FeatureNet, folder: Path) -> Work[View]:
    made = yield from scale_progress(
        _drawn(subject.generated, subject, settings.copy_samples, settings, "suspects"), 0.0, 0.3
    )
    known = yield from scale_progress(
        _drawn(subject.training, subject, settings.copy_training, settings, "known"), 0.3, 0.5
    )
    held = yield from scale_progress(
        _drawn(subject.held_out, subject, settings.copy_held_out, settings, "unknown"), 0.5, 0.6
    )
    found = yield from scale_progress(memorization(net, made.pictures, known.pictures, held.pictures), 0.6, 0.8)
    pixels = yield from scale_progress(memorization_in_pixels(made.pictures, known.pictures, held.pictures), 0.8, 1.0)
    shown = sheet(made.pictures, known.pictures, found.nearest)
    write(folder / SHEET, to_file(to_image(shown.numpy()), "png"))
    return {"features": found.view(), "pixels": pixels.view(), "sheet": SHEET}


def _recognition(found: Recognition, classes: Sequence[str]) -> View:
    confused = [[classes[asked], classes[seen], times] for asked, seen, times in found.confused]
    each = {name: share.view() for name, share in zip(classes, found.classes, strict=True)}
    return {**found.whole.view(), "classes": each, "confused": confused}


def _rounded(found: Distances) -> View:
    sizes = {"counts": list(found.counts)}
    return {"kid": round(found.kid, 6), "kid_std": round(found.kid_std, 6), "fd": round(found.fd, 4), **sizes}


def _mark(subject: Subject, settings: ReportSettings) -> Work[View]:
    # A few real pictures stand for their source, which has no fingerprint.
    digest = hashlib.sha256()
    for sampler in (subject.training, subject.held_out):
        for kind in range(len(subject.classes)):
            digest.update(sampler(2, kind, mixed(settings.seed, "mark")).float().cpu().numpy().tobytes())
        yield Progress(0.5, "Looking at the pictures")
    pictures = digest.hexdigest()
    classes = list(subject.classes)
    return {"generator": subject.generator, "pictures": pictures, "classes": classes, "settings": asdict(settings)}


def _stored(file: Path, mark: View) -> View:
    try:
        view: View = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return dict(mark)
    return view if all(view.get(key) == value for key, value in mark.items()) else dict(mark)
