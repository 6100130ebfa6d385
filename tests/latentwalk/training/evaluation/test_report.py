"""The evaluation report: correct figures for known generators, and resuming stage by stage."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training.evaluation.classifier_training import FitSettings
from latentwalk.training.evaluation.labelled_samples import Sampler
from latentwalk.training.evaluation.report import FILE, SHEET, ReportSettings, Subject, report
from latentwalk.training.evaluation.samplers import FreshRealSampler
from tests.latentwalk.training.evaluation.bars import NAMES, bars, faded

FIT = FitSettings(steps=120, batch=32, width=8, rate=0.05)
SETTINGS = ReportSettings(FIT, 150, FIT, 100, 100, 100, 40, 200, 80)


def real_images(salt: int) -> Sampler:
    return lambda count, kind, seed: bars(count, kind, (seed ^ salt) % 2**32)


def subject(generated: Sampler = bars, name: str = "sha256:bars") -> Subject:
    return Subject(name, generated, real_images(0), real_images(12345), NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    finish(report(subject(), SETTINGS, folder))
    return folder


def test_a_generator_of_real_images_gets_their_figures(folder: Path) -> None:
    view = json.loads((folder / FILE).read_text())
    assert view["net"]["held_out"]["share"] > 0.97
    assert view["distances"]["name"] == f"FD-{view['net']['name']}"
    generated, real = view["distances"]["generated"], view["distances"]["real"]
    assert generated["counts"] == [300, 300]
    assert abs(generated["kid"]) < 3 * generated["kid_std"]
    assert generated["fd"] < 3 * real["fd"]
    assert view["recognition"]["share"] > 0.97
    assert list(view["recognition"]["classes"]) == list(NAMES)
    assert view["score"]["skill"] == pytest.approx(1, abs=0.06)
    assert view["copying"]["features"]["share"] <= 0.06
    assert view["copying"]["pixels"]["count"] == 120
    assert Image.open(io.BytesIO((folder / SHEET).read_bytes())).width == 4 * (4 * 16 + 2)


def test_a_faded_generator_is_distant_and_a_copying_one_is_detected(tmp_path: Path) -> None:
    def memorized(count: int, kind: int, seed: int) -> torch.Tensor:
        # So few training images that each is drawn many times.
        few = real_images(0)(40, kind, 1)
        picks = torch.randint(40, (count,), generator=torch.Generator().manual_seed(seed))
        return few[picks]

    copying = replace(subject(memorized, "sha256:copies"), training=memorized)
    figures = finish(report(copying, SETTINGS, tmp_path / "copies"))
    assert figures["copying"]["features"]["share"] > 0.9
    assert figures["copying"]["pixels"]["share"] > 0.9
    dull = finish(report(subject(faded, "sha256:faded"), SETTINGS, tmp_path / "dull"))
    assert dull["distances"]["generated"]["fd"] > 10 * dull["distances"]["real"]["fd"]
    assert dull["copying"]["features"]["share"] < 0.2


def test_an_interrupted_report_resumes_with_the_next_stage(tmp_path: Path, folder: Path) -> None:
    work = report(subject(), SETTINGS, tmp_path)
    while not (tmp_path / FILE).is_file() or "distances" not in json.loads((tmp_path / FILE).read_text()):
        next(work)
    work.close()
    counts: list[int] = []

    def counted(count: int, kind: int, seed: int) -> torch.Tensor:
        counts.append(count)
        return bars(count, kind, seed)

    again = finish(report(subject(counted), SETTINGS, tmp_path))
    # Recognition, score and copying drew; distances did not.
    assert sum(counts) == 3 * (100 + 100 + 40)
    whole = json.loads((folder / FILE).read_text())

    def timeless(view: dict[str, object]) -> dict[str, object]:
        return {k: {**v, "seconds": 0} if isinstance(v, dict) else v for k, v in view.items()}

    assert timeless(json.loads((tmp_path / FILE).read_text())) == timeless(whole)
    assert again["net"] == json.loads((tmp_path / FILE).read_text())["net"]


def test_another_generator_in_the_same_folder_is_measured_with_the_same_net(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = json.loads((folder / FILE).read_text())
    after = finish(report(subject(faded, "sha256:faded"), SETTINGS, tmp_path))
    assert after["net"]["fingerprint"] == before["net"]["fingerprint"]
    assert after["distances"]["generated"]["fd"] > 5 * before["distances"]["generated"]["fd"]
    assert after["distances"]["real"] == before["distances"]["real"]


def test_a_single_class_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="two classes"):
        finish(report(replace(subject(), classes=NAMES[:1]), SETTINGS, tmp_path))


def test_real_samples_depend_on_class_and_seed() -> None:
    class Numbers:
        def of(self, kinds: torch.Tensor, source: torch.Generator) -> torch.Tensor:
            return kinds[:, None, None, None] + torch.rand(len(kinds), 3, 8, 8, generator=source)

    figures = FreshRealSampler(Numbers())
    assert torch.equal(figures(3, 2, 5), figures(3, 2, 5))
    assert figures(3, 2, 5).min() >= 2
    assert not torch.equal(figures(3, 2, 5), figures(3, 2, 6))
