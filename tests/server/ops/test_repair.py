"""The doctor finds damage in a home, and repairs it without deleting anything."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from latentwalk.directions.direction import Direction
from latentwalk.errors import Conflict
from models import atomic_files
from models.specs import GeneratorSpec
from server.cli.main import main
from server.ops.repair import examine, repair
from server.storage.db.bookmarks import SharedStates
from server.storage.db.database import Database
from server.storage.db.library_index import IndexRow, LibraryIndex
from server.storage.film_archive import FilmArchive
from server.storage.library import Library
from server.storage.objects import ObjectStore

Make = Callable[..., Direction]


@pytest.fixture
def database(home: Path) -> Database:
    return Database.at(home)


@pytest.fixture
def library(home: Path, database: Database, eyes_spec: GeneratorSpec, make_slider: Make) -> Library:
    """A home with two sliders that have strips, a bookmark and a film."""
    library = Library(home, database=database)
    for id in ("zoom", "red"):
        library.keep(make_slider(eyes_spec, id), id.encode())
    SharedStates(database).mark("Blue", "edit", "{}")
    exports = FilmArchive(home / "exports")
    exports.film("x-1").parent.mkdir(parents=True)
    exports.film("x-1").write_bytes(b"film")
    exports.finish("x-1", {"title": "A film", "sha256": hashlib.sha256(b"film").hexdigest()}, b"thumb")
    return library


def broken(home: Path, database: Database) -> list[str]:
    return [check.name for check in examine(home, database) if check.state == "broken"]


def repaired(home: Path, database: Database) -> list[str]:
    results = [f"{check.name}: {check.found}" for check in repair(home, database)]
    assert broken(home, database) == []
    return results


def object_of(home: Path, database: Database, id: str, part: str = "sha256") -> Path:
    return ObjectStore(home / "objects").path(getattr(LibraryIndex(database).of("direction", "eyes")[id], part))


def test_an_intact_home_is_reported_as_such_and_not_changed(home: Path, database: Database, library: Library) -> None:
    assert broken(home, database) == []
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file() and "sqlite" not in path.name}
    assert repaired(home, database) == []
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {check.name for check in examine(home, database)} == {"database", "stored files", "films"}


def test_an_empty_home_is_not_broken(home: Path, database: Database) -> None:
    assert [(check.name, check.state) for check in examine(home, database)] == [("database", "note")]
    assert repaired(home, database) == []


@pytest.mark.parametrize("missing", [False, True])
def test_a_slider_with_a_damaged_or_missing_file_is_removed_from_the_library(
    missing: bool, home: Path, database: Database, library: Library
) -> None:
    path = object_of(home, database, "zoom")
    if missing:
        path.unlink()
    else:
        path.write_bytes(b"scrap")
    assert broken(home, database) == ["direction eyes/zoom"]
    repaired(home, database)
    assert [id for id, _ in library.learned.sources("eyes")] == ["red"]
    aside = list((home / "damaged").glob("*")) if (home / "damaged").exists() else []
    assert [file.read_bytes() for file in aside] == ([] if missing else [b"scrap"])


def test_a_slider_with_a_damaged_picture_stays_without_it(home: Path, database: Database, library: Library) -> None:
    object_of(home, database, "zoom", "picture").write_bytes(b"scrap")
    assert broken(home, database) == ["direction eyes/zoom"]
    assert any("without its picture" in result for result in repaired(home, database))
    assert library.is_learned("eyes", "zoom")
    assert library.strip("eyes", "zoom") is None


def test_a_film_that_was_changed_is_moved_aside_with_its_recipe(
    home: Path, database: Database, library: Library
) -> None:
    FilmArchive(home / "exports").film("x-1").write_bytes(b"other")
    assert broken(home, database) == ["film x-1"]
    repaired(home, database)
    assert FilmArchive(home / "exports").all() == []
    aside = next((home / "damaged").iterdir())
    assert json.loads((aside / "export.json").read_text())["title"] == "A film"


@pytest.mark.parametrize("scrap", ["all", "a page"])
def test_a_damaged_database_is_rebuilt_from_its_readable_rows(
    scrap: str, home: Path, database: Database, library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    for number in range(40):
        SharedStates(database).mark(f"Mark {number}", "edit", "x" * 200)
    database.close()  # closing the last connection writes the log into the file
    assert database.path is not None
    data = bytearray(database.path.read_bytes())
    data[(0 if scrap == "all" else len(data) - 4096) :] = os.urandom(len(data) if scrap == "all" else 4096)
    database.path.write_bytes(bytes(data))
    assert broken(home, database) == ["database"]
    assert any("rebuilt with" in result for result in repaired(home, database))
    again = Library(home, database=database)
    assert again.is_learned("eyes", "zoom")
    assert again.is_learned("eyes", "red")
    assert (len(SharedStates(database).page().bookmarks) > 0) is (scrap == "a page")
    assert list((home / "damaged").glob("latentwalk.sqlite-*"))


def test_a_database_of_a_newer_version_is_not_replaced(home: Path, database: Database, library: Library) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    assert broken(home, database) == ["database"]
    with pytest.raises(Conflict):
        list(repair(home, database))
    assert not (home / "damaged").exists()


def test_leftovers_of_killed_processes_are_removed_once_they_are_old(
    home: Path, database: Database, library: Library
) -> None:
    orphan = library.learned.objects.put(b"nobody's")
    part = home / ".a.x.part"
    part.touch()
    assert [check.state for check in examine(home, database) if check.name == "temporary files"] == ["note"]
    repaired(home, database)
    assert orphan in set(library.learned.objects.all())
    for path in (part, library.learned.objects.path(orphan)):
        os.utime(path, (0, 0))
    assert [check.state for check in examine(home, database) if check.name == "other files"] == ["note"]
    repaired(home, database)
    assert not part.exists()
    assert orphan not in set(library.learned.objects.all())
    assert [path.read_bytes() for path in (home / "damaged").iterdir()] == [b"nobody's"]


def test_sliders_are_recovered_when_the_database_was_lost_or_another_one_is_configured(
    home: Path, database: Database, library: Library, tmp_path: Path
) -> None:
    other = Database.at(tmp_path / "elsewhere")  # another database for the same home
    with other.writing():
        pass
    for sha256 in library.learned.objects.all():
        os.utime(library.learned.objects.path(sha256), (1, 1))
    assert set(Library(home, database=other).learned.sources("eyes")) == set()
    assert [check.name for check in examine(home, other)] == ["database", "other files", "films"]
    assert any("2 directions were recovered" in result for result in repaired(home, other))
    assert Library(home, database=other).is_learned("eyes", "zoom")


def test_the_command_repairs_then_checks(home: Path, database: Database, library: Library, monkeypatch: Any) -> None:
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    object_of(home, database, "zoom").write_bytes(b"scrap")
    database.close()
    first = CliRunner().invoke(main, ["doctor"])
    assert first.exit_code == 1
    assert "doctor --repair" in first.stderr
    second = CliRunner().invoke(main, ["doctor", "--repair"])
    assert second.exit_code == 0, second.output
    assert "removed from the library" in second.output


def test_a_server_with_a_damaged_database_refuses_to_start_and_says_why(home: Path, monkeypatch: Any) -> None:
    home.mkdir()
    (home / "latentwalk.sqlite").write_bytes(b"scrap" * 1000)
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    refused = CliRunner().invoke(main, ["serve", "--port", "0"])
    assert refused.exit_code == 1
    assert "damaged" in refused.stderr
    assert "doctor --repair" in refused.stderr


def test_entries_that_cannot_be_read_are_set_aside(home: Path, database: Database, library: Library) -> None:
    index, objects = LibraryIndex(database), ObjectStore(home / "objects")
    data = b"no direction"
    index.put([IndexRow("direction", "styled", "bad", objects.put(data), len(data), None)])
    for folder, file in (("regressors", "regressor.json"), ("generators", "generator.json")):
        (home / folder / "bad").mkdir(parents=True)
        (home / folder / "bad" / file).write_bytes(b'{"name": "\\ud800"}')
    names = {check.name for check in repair(home, database)}
    assert {"direction styled/bad", "regressor bad", "generator bad"} <= names
    assert ("direction", "styled", "bad") not in {(row.kind, row.generator, row.name) for row in index.all()}
    assert not (home / "regressors" / "bad").exists()
    assert not (home / "generators" / "bad").exists()
    assert len(list((home / "damaged").iterdir())) == 2  # the file of the direction follows once it is old


def test_every_kind_of_leftover_is_reported_and_removed_once_it_is_old(
    home: Path, database: Database, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = home.parent / "scratch"
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    folders = [
        home / "generators" / ".styled-a1",
        home / "regressors" / ".resmem-b2",
        home / ".key.c3",
        home / "exports" / "x-00d4",
        scratch / f"{atomic_files.SCRATCH}e5",
    ]
    files = [home / "quarantine" / "00f6", home / "directions" / "styled" / ".zoom.safetensors.g7.part"]
    for path in (*(folder / "file" for folder in folders), *files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left over")
    young = [check.found for check in examine(home, database) if check.name == "temporary files"]
    assert young == ["7, of writes in progress or interrupted"]
    repaired(home, database)
    assert all(path.exists() for path in (*folders, *files))
    for path in (*folders, *files):
        os.utime(path, (0, 0))
    (old,) = [check for check in examine(home, database) if check.name == "left over files"]
    assert old.found.startswith("7 left by processes")
    assert "repair" in old.hint
    repaired(home, database)
    assert not any(path.exists() for path in (*folders, *files))
    assert not [check for check in examine(home, database) if "left over" in check.name]
