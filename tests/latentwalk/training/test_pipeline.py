"""Training by a recipe: the generator in the library, its report, and resuming from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from latentwalk.errors import Conflict, Invalid
from latentwalk.progress import finish
from latentwalk.training import pipeline
from latentwalk.training.encoder_files import load_encoder
from latentwalk.training.evaluation.classifier_training import FitSettings
from latentwalk.training.evaluation.report import ReportSettings
from latentwalk.training.recipe import Recipe, Stage, read
from models.catalogue import local
from server.storage.library import Library

ROOT = Path(__file__).parents[3]
# A process started in the background may ignore SIGINT; the default handler is restored.
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from server.cli.main import main; main()"
)
TIMEOUT = 300  # seconds, generous for busy machines


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of two classes and two stages, with its images."""
    for kind, colour in {"warm": (220, 90, 30), "cold": (30, 90, 220)}.items():
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (20, 20), colour).save(tmp_path / "pictures" / kind / f"{number}.png")
    toy = Recipe(
        name="toy", pictures="folder:pictures", widths=(8, 8, 8), z=8, w=12, mapping=1, precision="fp32", encoder=4,
        stages=(Stage(side=8, pictures=64, batch=8), Stage(side=16, pictures=64, fade=32, batch=8)),
    )  # fmt: skip
    path = tmp_path / "toy.json"
    path.write_text(toy.model_dump_json())
    return path


def trained(recipe: Path, home: Path, report: bool = False) -> None:
    finish(
        pipeline.run_recipe(read(recipe), recipe.parent, home / "training" / "toy", home / "generators", "cpu", report)
    )


def test_a_run_ends_with_a_generator_in_the_library(recipe: Path, home: Path) -> None:
    trained(recipe, home)
    library = Library(home)
    spec = library.spec("toy")
    assert (spec.resolution, spec.classes, spec.layers) == (16, ("cold", "warm"), 6)
    assert spec.spaces == {"z": (8,), "w": (12,)}
    toy = library.load("toy")
    classes = torch.eye(2)
    images = toy.synthesize(toy.map(toy.sample([1, 2]), classes), classes)
    assert images.shape == (2, 3, 16, 16)
    log = json.loads((home / "generators" / "toy" / pipeline.LOG).read_text())
    assert log["recipe"]["name"] == "toy"
    encoder = library.encoder("toy")
    assert encoder is not None
    assert load_encoder(encoder, spec.fingerprint)(images).shape == (2, 12)


def test_a_sample_grid_has_a_row_for_every_class(recipe: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentwalk.training.gan.loop.EVERY", 4)
    trained(recipe, home)
    sheets = sorted((home / "training" / "toy" / "sheets").glob("*.png"))
    assert sheets
    with Image.open(sheets[0]) as sheet:
        assert sheet.size == (8 * 64, 2 * 64)


def test_a_report_has_every_figure_and_a_point_for_each_snapshot(
    recipe: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = FitSettings(steps=20, batch=8, width=4)
    settings = ReportSettings(few, 16, few, 16, 8, 16, 8, 16, 60)
    monkeypatch.setattr("latentwalk.training.post_training.ReportSettings", lambda: settings)
    monkeypatch.setattr("latentwalk.training.gan.loop.EVERY", 4)
    monkeypatch.setattr("latentwalk.training.evaluation.snapshots.EACH", 8)
    trained(recipe, home, report=True)
    view = json.loads((home / "generators" / "toy" / "report.json").read_text())
    assert {"net", "distances", "recognition", "score", "copying", "curve"} <= set(view)
    assert [point["side"] for point in view["curve"]] == [8, 8, 16, 16]
    assert [point["seen"] for point in view["curve"]] == [32, 64, 96, 128]
    card = (home / "generators" / "toy" / "CARD.md").read_text()
    assert f"| KID | {view['distances']['generated']['kid']:.4f} |" in card
    assert "Fréchet" in card
    assert all(f"| {name} |" in card for name in view["classes"])
    with Image.open(home / "generators" / "toy" / "sheet.png") as sheet:
        assert sheet.size == (10 * 64, 2 * 64)


def test_a_run_starts_from_another_generator_and_includes_its_log(recipe: Path, home: Path) -> None:
    trained(recipe, home)
    first_recipe = json.loads(recipe.read_text())
    start = str(home / "generators" / "toy")
    then = {
        **first_recipe,
        "name": "next",
        "start": start,
        "widths": [8, 8, 12],
        "stages": [{"side": 16, "pictures": 16, "batch": 8}],
    }
    recipe.with_name("next.json").write_text(json.dumps(then))
    finish(
        pipeline.run_recipe(read(recipe.with_name("next.json")), recipe.parent, home / "n", home / "generators", "cpu")
    )
    log = json.loads((home / "generators" / "next" / pipeline.LOG).read_text())
    assert log["begun"]["recipe"]["name"] == "toy"
    # After two steps its images are still similar: it did not start from random weights.
    pair = [local.load(local.read_entry(home / "generators" / name)) for name in ("toy", "next")]
    classes = torch.eye(2)
    first, second = (one.synthesize(one.map(one.sample([1, 2]), classes), None) for one in pair)
    assert (first - second).abs().mean() < 0.2 * first.std() + 0.1


def test_too_little_time_for_one_step_is_an_error(recipe: Path, home: Path) -> None:
    with pytest.raises(Invalid, match="ran out of time before its first step"):
        finish(pipeline.run_recipe(read(recipe), recipe.parent, home / "t", home / "generators", "cpu", minutes=1e-9))


def test_a_recipe_with_other_sizes_is_rejected_and_a_longer_one_is_resumed(recipe: Path, home: Path) -> None:
    trained(recipe, home)
    longer = json.loads(recipe.read_text())
    longer["stages"][1]["pictures"] = 96
    recipe.write_text(json.dumps(longer))
    trained(recipe, home)
    recipe.write_text(json.dumps({**longer, "w": 16}))
    with pytest.raises(Invalid, match="other sizes"):
        trained(recipe, home)


def test_the_name_of_a_pinned_generator_is_rejected(recipe: Path, home: Path) -> None:
    from server.services.generators import training
    from server.services.workspace import Workspace
    from server.settings import Settings

    recipe.write_text(json.dumps({**json.loads(recipe.read_text()), "name": "eyes"}))
    with pytest.raises(Conflict, match="There is a generator eyes already"):
        training.train(Workspace.open(Settings(home=home)), recipe)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_resumes(recipe: Path, home: Path, stop: signal.Signals) -> None:
    endless = json.loads(recipe.read_text())
    endless["stages"] = [{"side": 16, "pictures": 10**8, "batch": 8}]
    recipe.write_text(json.dumps(endless))
    command = [sys.executable, "-c", COMMAND, "train", str(recipe)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LATENTWALK_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "Reading the pictures" in process.stderr.readline()
            deadline = time.monotonic() + TIMEOUT
            while not list((home / "training" / "toy").glob("snapshots/*")) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(stop)
            _, stderr = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "the progress so far is saved" in stderr
    endless["stages"][0]["pictures"] = 8
    recipe.write_text(json.dumps(endless))
    completed = subprocess.run(
        [*command, "--json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(completed.stdout)["seen"] > 8
    assert local.read_entry(home / "generators" / "toy").spec.resolution == 16
