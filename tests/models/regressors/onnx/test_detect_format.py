"""The export that messages and documentation name gives a file that is accepted, by torch's own exporter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.importing.onnx import roles
from models.importing.open_checkpoint import open_checkpoint
from models.regressors.onnx import detect_format, guess_plan, inspect
from tests.models.sandbox.markers import needs_isolation

DOCS = Path(__file__).parents[4] / "docs"


def run(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    """Run an export exactly as it is written, in a folder of its own."""
    monkeypatch.chdir(folder)
    exec(code, {"torch": torch, **names})


@needs_isolation
@pytest.mark.filterwarnings("ignore")
def test_the_export_in_the_hint_writes_a_regressor_that_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8 * 56 * 56, 1)
    )
    run(detect_format.EXPORT_CODE, tmp_path, monkeypatch, model=model)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    plan, _ = guess_plan(inspect((tmp_path / "model.onnx").read_bytes()))
    assert (plan.side, plan.layout, plan.batch) == (224, "nchw", 1)


@needs_isolation
@pytest.mark.filterwarnings("ignore")
def test_the_export_in_the_hint_writes_a_generator_that_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.nn.Sequential(
        torch.nn.Linear(128, 3 * 16 * 16), torch.nn.Unflatten(1, (3, 16, 16)), torch.nn.Tanh()
    )
    run(roles.EXPORT_CODE, tmp_path, monkeypatch, generator=generator)
    assert [path.name for path in tmp_path.iterdir()] == ["generator.onnx"]
    passport = open_checkpoint(tmp_path / "generator.onnx").passport
    assert (passport.family, passport.sizes.z, passport.sizes.height) == ("onnx", 128, 16)


def test_the_documentation_gives_the_same_exports() -> None:
    assert detect_format.EXPORT_CODE in (DOCS / "regressors.md").read_text()
    assert roles.EXPORT_CODE in (DOCS / "checkpoints.md").read_text()
