"""Folders that people fill stop at a limit in bytes, with a message that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentwalk.errors import Overloaded
from models.specs import GeneratorSpec
from server.storage import folder_quota
from server.storage.film_archive import FilmArchive
from server.storage.folder_quota import check_room, folder_bytes
from server.storage.learned_directions import LearnedDirections


def test_the_bytes_of_every_file_below_a_folder_count(tmp_path: Path) -> None:
    assert folder_bytes(tmp_path / "nothing") == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(b"x" * 10)
    (tmp_path / "a" / "b" / "two").write_bytes(b"x" * 100)
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    assert 110 <= folder_bytes(tmp_path) < 110 + 4096


def test_what_would_go_above_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_quota, "LARGEST", 100)
    (tmp_path / "one").write_bytes(b"x" * 60)
    check_room(tmp_path, 40, "films")
    with pytest.raises(Overloaded, match="The stored films take"):
        check_room(tmp_path, 41, "films")


def test_directions_and_films_stop_at_the_limit_and_nothing_is_stored(
    home: Path, eyes_spec: GeneratorSpec, make_slider: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, archive = LearnedDirections(home), FilmArchive(home / "exports")
    learned.keep(make_slider(eyes_spec, "sway"))
    (home / "exports" / "x-1").mkdir(parents=True)
    (home / "exports" / "x-1" / "file").write_bytes(b"x" * 1000)
    monkeypatch.setattr(folder_quota, "LARGEST", 500)
    with pytest.raises(Overloaded, match="directions"):
        learned.keep(make_slider(eyes_spec, "swell"))
    assert [id for id, _ in learned.sources("eyes")] == ["sway"]
    with pytest.raises(Overloaded, match="films"):
        archive.new()
