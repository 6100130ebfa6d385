"""The example transform of docs/extending.md works unchanged as an installed package, and imports only `latentwalk`."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from latentwalk.errors import NotFound
from latentwalk.steering import transforms
from latentwalk.steering.transforms import Transform, find

GUIDE = (Path(__file__).parents[3] / "docs" / "extending.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
EXAMPLE = next(code for code in EXAMPLES if "def fade" in code)
ENTRY_POINTS = next(
    text for text in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL) if "latentwalk.transforms" in text
)


@pytest.fixture
def fade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Transform]:
    """The transform of the example, found through the entry point of a package installed for this test only."""
    (tmp_path / "my_package.py").write_text(EXAMPLE)
    about = tmp_path / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    group, target = re.findall(r'entry-points\."(.+)"\]\nfade = "(.+)"', ENTRY_POINTS)[0]
    (about / "entry_points.txt").write_text(f"[{group}]\nfade = {target}\n")
    monkeypatch.setattr(transforms, "_builtin", dict(transforms._builtin))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    transforms.transforms.cache_clear()
    yield find("fade")
    transforms.transforms.cache_clear()
    sys.modules.pop("my_package", None)


def test_the_example_pulls_pixels_towards_grey_by_its_percentage(fade: Transform) -> None:
    images = torch.tensor([1.0, -0.5]).reshape(2, 1, 1, 1).expand(2, 3, 4, 4)
    edited, mask = fade(images, torch.tensor([0.0, 50.0]))
    torch.testing.assert_close(edited[0], images[0])
    torch.testing.assert_close(edited[1], images[1] / 2)
    assert mask.shape == (2, 1, 4, 4)
    assert float(mask.min()) == 1


def test_the_example_declares_its_title_unit_and_description(fade: Transform) -> None:
    assert (fade.name, fade.title, fade.group, fade.unit.symbol, fade.reach) == ("fade", "Fade", "colour", "%", 50.0)
    assert fade.about == "Pulls every pixel towards mid-grey."


def test_the_transform_is_known_only_while_its_package_is_installed() -> None:
    with pytest.raises(NotFound):
        find("fade")


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_import_only_latentwalk_and_torch(code: str) -> None:
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {node.module if isinstance(node, ast.ImportFrom) else name.name for node in nodes for name in node.names}
    assert modules <= {"latentwalk", "torch"}
