"""A home of an earlier version is taken in: nothing is lost, wherever it is stopped."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.errors import StorageFailed
from models import atomic_files
from models.specs import GeneratorSpec
from server.jobs.job import State
from server.storage.arrivals import take_in
from server.storage.db.database import Database
from server.storage.db.job_table import JobTable
from server.storage.library import Library

DONE = {
    "id": "j-1", "kind": "learn", "title": "Learning zoom on eyes", "state": "done", "progress": 1.0,
    "message": "Done", "eta_s": None, "created": "2026-01-01T00:00:00+00:00", "started": None, "finished": "2026",
    "error": None, "result": {"direction": "zoom"}, "detail": {"step": 3}, "version": 9, "strip_version": 1,
}  # fmt: skip
RECIPE = {"version": 2, "generator": "eyes"}


@pytest.fixture
def old(tmp_path: Path, eyes_spec: GeneratorSpec, put_direction: Callable[..., Path], make_slider: Any) -> Path:
    """A home as version 0.1.0 left it when it was killed."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "j-1.json").write_text(json.dumps(DONE))
    (tmp_path / "jobs" / "j-2.json").write_text(json.dumps({**DONE, "id": "j-2", "state": "running"}))
    for id in ("x-1", "x-2"):
        (tmp_path / "exports" / id).mkdir(parents=True)
        wish = {"recipe": RECIPE, "title": "A film", "tries": 1}
        (tmp_path / "exports" / id / "wish.json").write_text(json.dumps(wish))
    (tmp_path / "exports" / "x-2" / "export.json").write_text("{}")  # finished, but for tidying up
    path = put_direction(tmp_path, make_slider(eyes_spec, "zoom"))
    path.with_suffix(".jpg").write_bytes(b"strip")
    return tmp_path


def taken(home: Path) -> tuple[Library, JobTable]:
    database = Database.at(home)
    library, worklist = Library(home, database=database), JobTable(database)
    take_in(home, library.learned, worklist)
    return library, worklist


def test_all_of_it_is_in_the_store_and_none_of_it_in_files(
    old: Path, eyes_spec: GeneratorSpec, make_slider: Any
) -> None:
    library, worklist = taken(old)
    jobs = {kept.job.title: kept for kept in worklist.all()}
    assert {kept.job.id for kept in worklist.all()} >= {"j-1", "j-2"}
    done = next(kept.job for kept in worklist.all() if kept.job.id == "j-1")
    assert (done.state, done.result, done.detail) == (State.DONE, {"direction": "zoom"}, {"step": 3})
    film = jobs["A film"]
    assert film.request == {"export": "x-1", "recipe": RECIPE, "title": "A film"}
    assert (film.job.state, film.attempts) == (State.QUEUED, 1)
    direction: Direction = make_slider(eyes_spec, "zoom")
    assert to_bytes(library.direction("eyes", "zoom")) == to_bytes(direction)
    strip = library.strip("eyes", "zoom")
    assert strip is not None
    assert strip.read_bytes() == b"strip"
    left = [path for path in old.rglob("*") if path.suffix in (".json", ".jpg", ".safetensors")]
    assert left == [old / "exports" / "x-2" / "export.json"]
    taken(old)  # and once more changes nothing
    assert len(worklist.all()) == 3


def test_stopped_at_any_removal_nothing_is_lost(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removals = [0]

    def failing_at(number: int) -> Callable[[Path], None]:
        count = [0]

        def remove(path: Path) -> None:
            count[0] += 1
            if count[0] == number:
                raise StorageFailed("Stopped here.")
            path.unlink(missing_ok=True)
            removals[0] += 1

        return remove

    for number in range(1, 8):
        with monkeypatch.context() as patch:
            patch.setattr(atomic_files, "remove", failing_at(number))
            with contextlib.suppress(StorageFailed):
                taken(old)
    library, worklist = taken(old)
    assert removals[0] > 0
    assert len(worklist.all()) == 3
    assert library.is_learned("eyes", "zoom")
    assert library.strip("eyes", "zoom") is not None


def test_what_cannot_be_read_stays_and_is_told(
    old: Path, eyes_spec: GeneratorSpec, make_slider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"state": "dancing"}'), ("d", '{"state": "done", "x": 1}')):
        (old / "jobs" / f"{name}.json").write_text(text)
    cut = old / "directions" / "eyes" / "cut.safetensors"
    cut.write_bytes(to_bytes(make_slider(eyes_spec, "cut"))[:-10])
    with caplog.at_level(logging.WARNING):
        library, _ = taken(old)
    assert {path.stem for path in (old / "jobs").iterdir()} == {"a", "b", "c", "d"}
    assert cut.exists()
    assert len(caplog.records) == 5
    assert set(library.learned.sources("eyes"))
    assert library.is_learned("eyes", "zoom")


def test_a_file_put_into_the_folder_later_is_used_before_what_the_store_has(
    old: Path, eyes_spec: GeneratorSpec, make_slider: Any, put_direction: Callable[..., Path]
) -> None:
    library, _ = taken(old)
    put_direction(old, make_slider(eyes_spec, "zoom", seed=5))
    assert library.direction("eyes", "zoom").seed == 5
    taken(old)
    assert library.direction("eyes", "zoom").seed == 5
