"""The code of docs/notebook.md runs from top to bottom, in one namespace, as a reader would run it."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks(name: str) -> list[str]:
    """The Python code blocks of a page of the documentation."""
    return BLOCK.findall((DOCS / name).read_text())


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module `rings`, which docs/extending.md defines, with images of 32 px: learning from them is quick."""
    module = types.ModuleType("rings")
    code = next(code for code in blocks("extending.md") if "class Rings" in code)
    small = code.replace('"f", 64, 3', '"f", 32, 3').replace("linspace(-1, 1, 64", "linspace(-1, 1, 32")
    exec(small, module.__dict__)
    monkeypatch.setitem(sys.modules, "rings", module)


def test_the_notebook_page_runs_from_top_to_bottom(
    rings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTWALK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    namespace: dict[str, Any] = {}
    for number, code in enumerate(blocks("notebook.md"), start=1):
        exec(compile(code, f"notebook.md, block {number}", "exec"), namespace)
    shown = capsys.readouterr()
    assert "track runs from" in shown.out  # the error of the amount that is out of range
    assert "100%" in shown.err  # the progress bar of the first direction
    assert namespace["image"].size == (64, 64)
    assert namespace["shift"].card["n"] == 128
    assert namespace["card"]["n"] == 32
    assert namespace["shift"].verdict == "strong"
    assert namespace["warm"].card["positive"] > 0.8
    assert namespace["faded"].id == "fade"
    assert (tmp_path / "shift.mp4").stat().st_size == namespace["film"].bytes
    namespace["page"].stop()  # it is stopped already
    assert not namespace["page"].is_running
    assert "stopped" in repr(namespace["page"])
