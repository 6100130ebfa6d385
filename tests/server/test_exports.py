"""Finished films on disk: visible once whole, gone once removed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from server.errors import NotFound
from server.exports import Exports


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


def _make(exports: Exports, created: str) -> str:
    id = exports.new()
    exports.film(id).parent.mkdir(parents=True)
    exports.film(id).write_bytes(b"film")
    exports.finish(id, {"title": "A film", "created": created}, b"thumb")
    return id


def test_films_are_listed_newest_first(exports: Exports) -> None:
    old, new = _make(exports, "2026-01-01"), _make(exports, "2026-02-01")
    assert [export["id"] for export in exports.all()] == [new, old]
    assert exports.get(old)["title"] == "A film"
    assert exports.thumbnail(old).read_bytes() == b"thumb"


def test_an_unfinished_film_is_not_there(exports: Exports) -> None:
    id = exports.new()
    exports.film(id).parent.mkdir(parents=True)
    exports.film(id).write_bytes(b"half")
    assert exports.all() == []
    with pytest.raises(NotFound):
        exports.get(id)


def test_a_removed_film_is_gone_with_its_folder(exports: Exports, tmp_path: Path) -> None:
    id = _make(exports, "2026-01-01")
    exports.remove(id)
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotFound):
        exports.remove(id)


@pytest.mark.parametrize("id", ["..", "../../etc", "", "x" * 99, "a/b", "A"])
def test_an_id_never_leaves_the_folder(id: str, exports: Exports, tmp_path: Path) -> None:
    (tmp_path.parent / "export.json").write_text("{}")
    with pytest.raises(NotFound):
        exports.get(id)


def test_a_damaged_description_is_left_out(exports: Exports, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, text in (("a", "{"), ("b", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "export.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert exports.all() == []
    assert len(caplog.records) == 2
