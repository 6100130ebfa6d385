"""The public names: all there, documented, typed, and imported only when they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import latentwalk as lw

SOURCE = Path(lw.__file__)


@pytest.mark.parametrize("name", lw.__all__)
def test_every_public_name_can_be_imported_and_has_a_docstring(name: str) -> None:
    value = getattr(lw, name)
    assert value.__doc__
    assert len(value.__doc__.strip()) > 20


def test_the_names_that_type_checkers_see_are_the_names_that_are_exported() -> None:
    tree = ast.parse(SOURCE.read_text())
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.name: node.module for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imported == lw._MODULE_OF
    assert sorted(imported) == sorted(lw.__all__)
    assert dir(lw) == sorted(lw.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'walk_on_water'"):
        lw.walk_on_water  # noqa: B018


def test_importing_the_library_imports_nothing_heavy() -> None:
    code = (
        "import sys, time; before = set(sys.modules); begin = time.perf_counter(); import latentwalk\n"
        "assert time.perf_counter() - begin < 0.5\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = new & {'torch', 'PIL', 'numpy', 'pydantic', 'av', 'models'}\n"
        "assert not heavy, heavy\n"
        "assert 'open_generator' in dir(latentwalk)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SOURCE.parents[1])


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE.parent / "py.typed").is_file()
    assert '"py.typed"' in (SOURCE.parents[1] / "pyproject.toml").read_text()
