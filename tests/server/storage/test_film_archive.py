"""The film archive: films are visible once they are complete, and gone once they are removed."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest

from latentwalk.errors import Damaged, NotFound
from server.storage.film_archive import FilmArchive


@pytest.fixture
def exports(tmp_path: Path) -> FilmArchive:
    return FilmArchive(tmp_path)


def _make(exports: FilmArchive, created: str) -> str:
    id = exports.new()
    exports.film(id).parent.mkdir(parents=True)
    exports.film(id).write_bytes(b"film")
    exports.finish(id, {"title": "A film", "created": created}, b"thumb")
    return id


def test_films_are_listed_newest_first(exports: FilmArchive) -> None:
    old, new = _make(exports, "2026-01-01"), _make(exports, "2026-02-01")
    assert [export["id"] for export in exports.all()] == [new, old]
    assert exports.get(old)["title"] == "A film"
    assert exports.thumbnail(old).read_bytes() == b"thumb"


def test_an_unfinished_film_is_not_listed(exports: FilmArchive) -> None:
    id = exports.new()
    exports.film(id).parent.mkdir(parents=True)
    exports.film(id).write_bytes(b"half")
    assert exports.all() == []
    with pytest.raises(NotFound):
        exports.get(id)


def test_a_removed_film_is_gone_with_its_folder(exports: FilmArchive, tmp_path: Path) -> None:
    id = _make(exports, "2026-01-01")
    exports.remove(id)
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotFound):
        exports.remove(id)


@pytest.mark.parametrize("id", ["..", "../../etc", "", "x" * 99, "a/b", "A"])
def test_an_id_never_leaves_the_folder(id: str, exports: FilmArchive, tmp_path: Path) -> None:
    (tmp_path.parent / "export.json").write_text("{}")
    with pytest.raises(NotFound):
        exports.get(id)


def test_a_film_with_a_damaged_description_is_skipped(
    exports: FilmArchive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, text in (("a", "{"), ("b", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "export.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert exports.all() == []
    assert len(caplog.records) == 2


def test_unfinished_films_are_deleted_unless_they_are_in_progress(exports: FilmArchive, tmp_path: Path) -> None:
    finished, abandoned, started = _make(exports, "2026-01-01"), exports.new(), exports.new()
    for id in (abandoned, started):
        exports.film(id).parent.mkdir()
        (exports.film(id).parent / ".file.abc.part").write_bytes(b"half")
    assert exports.sweep({started}) == [abandoned]
    assert {path.name for path in tmp_path.iterdir()} == {finished, started}


def test_a_film_that_was_changed_on_the_disk_is_reported_as_damaged(exports: FilmArchive) -> None:
    id = exports.new()
    exports.film(id).parent.mkdir(parents=True)
    exports.film(id).write_bytes(b"film")
    exports.finish(id, {"title": "A film", "sha256": hashlib.sha256(b"film").hexdigest()}, b"thumb")
    assert exports.checked(id).read_bytes() == b"film"
    exports.film(id).write_bytes(b"filk")
    with pytest.raises(Damaged, match="changed on the disk"):
        exports.checked(id)
    exports.film(id).unlink()
    with pytest.raises(Damaged, match="missing"):
        exports.checked(id)
