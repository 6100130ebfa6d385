"""The example plugin of docs/extending.md works unchanged, and a broken plugin is left out with the reason."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from latentwalk.errors import ModelFailed
from latentwalk.progress import finish
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.learning.transform_objective import fit
from latentwalk.steering.transforms import find
from models.base import Generator
from models.catalogue import plugins
from server.storage.library import Library

GUIDE = (Path(__file__).parents[3] / "docs" / "extending.md").read_text()
EXAMPLE = next(code for code in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "class Rings" in code)


def install(folder: Path, code: str, target: str) -> None:
    """A package as pip would leave it."""
    (folder / "rings.py").write_text(code)
    about = folder / "rings-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rings\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nrings = {target}\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose packages are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    plugins.entries.cache_clear()
    yield tmp_path
    plugins.entries.cache_clear()
    sys.modules.pop("rings", None)


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.splitlines()) < 40


def test_the_example_is_a_generator_that_is_listed_drawn_and_steered(installed: Path, home: Path) -> None:
    install(installed, EXAMPLE, "rings:Rings")
    library = Library(home)
    entry = library.entry("rings")
    assert (entry.origin.kind, entry.origin.requirement) == ("adapter", "rings==1.2")
    assert library.is_installed("rings")
    rings = library.load("rings")
    assert isinstance(rings, Generator)
    drawn = rings.synthesize(rings.map(rings.sample([1, 2]), None), None)
    assert drawn.shape == (2, 3, 64, 64)
    assert float(drawn.min()) >= -1
    assert float(drawn.max()) <= 1
    assert not torch.equal(drawn[0], drawn[1])
    walk = finish(fit(rings, find("shift_x"), LearnSettings("shift_x", steps=20)))
    vector = walk.tensors()["vector"]
    assert int(vector.abs().argmax()) == 0  # the number that says where a ring lies across


@pytest.mark.parametrize(
    ("code", "target", "said"),
    [
        ("raise OSError('no weights')", "rings:Rings", "no weights"),
        ("class Rings: spec = 'rings'", "rings:Rings", "no GeneratorSpec"),
        (EXAMPLE, "rings:Circles", "Circles"),
    ],
)
def test_an_adapter_that_cannot_be_imported_is_left_out(
    installed: Path, home: Path, caplog: pytest.LogCaptureFixture, code: str, target: str, said: str
) -> None:
    install(installed, code, target)
    assert "rings" not in Library(home).entries()
    assert said in caplog.text


def test_an_adapter_that_gives_no_generator_says_what_it_lacks(installed: Path, home: Path) -> None:
    install(installed, EXAMPLE.replace("def sample", "def draw"), "rings:Rings")
    entry = plugins.entries()["rings"]
    with pytest.raises(ModelFailed, match="it has no sample"):
        plugins.load(entry)
    with pytest.raises(ModelFailed, match="it has no sample"):
        Library(home).load("rings")


def test_it_may_not_take_the_name_of_one_that_ships(installed: Path, home: Path) -> None:
    install(installed, EXAMPLE.replace('Spec("rings"', 'Spec("eyes"'), "rings:Rings")
    assert Library(home).entry("eyes").origin.kind != "adapter"
