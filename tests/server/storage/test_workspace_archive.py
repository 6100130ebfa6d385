"""A whole home as one file: an import restores what was exported, and a bad file changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.errors import Conflict, Damaged, DiskFull, Invalid, LatentwalkError, NotFound, StorageFailed
from latentwalk.progress import finish
from latentwalk.provenance.ledger import LedgerEntry, LedgerMatch
from models import atomic_files
from models.specs import GeneratorSpec
from server.cli.main import main
from server.ops.repair import examine
from server.storage.db.bookmarks import SharedStates
from server.storage.db.database import Database
from server.storage.db.job import Job, State
from server.storage.db.job_table import JobTable
from server.storage.db.ledger_table import LedgerTable
from server.storage.film_archive import FilmArchive
from server.storage.library import Library
from server.storage.workspace_archive import MANIFEST, pack, unpack

EDIT = '{"base":{"seed":7},"generator":"eyes"}'
ENTRY = LedgerEntry("2026", "a" * 64, 3, "png", "A picture", "edit", "{}")
Make = Callable[..., Direction]
Change = Callable[[dict[str, Any], dict[str, bytes]], None]  # of a manifest and the members


@pytest.fixture
def full(tmp_path: Path, eyes_spec: GeneratorSpec, make_slider: Make) -> Path:
    """A home with one item of every kind."""
    home = tmp_path / "full"
    database = Database.at(home)
    Library(home, database=database).keep(make_slider(eyes_spec, "zoom"), b"strip")
    SharedStates(database).mark("Blue", "edit", EDIT)
    jobs = JobTable(database)
    job = Job("j-1", "learn", "Learning", State.DONE, created="2026", result={"direction": "zoom"}, person="f00d")
    jobs.add(job, {"generator": "eyes"})
    jobs.add(Job("j-2", "learn", "Learning on", created="2026"), {"generator": "eyes"})
    exports = FilmArchive(home / "exports")
    for id in ("x-1", "x-2"):
        exports.film(id).parent.mkdir(parents=True)
        exports.film(id).write_bytes(b"film")
    exports.finish("x-1", {"title": "A film", "sha256": hashlib.sha256(b"film").hexdigest()}, b"thumb")
    for name in ("regressors/cosy/regressor.json", "generators/mine/weights.safetensors", "sounds/a.flac"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_bytes(name.encode())
    (home / "generators" / "mine" / ".half.part").touch()
    (home / "credentials").mkdir()
    (home / "credentials" / "key.pem").write_text("secret")
    LedgerTable(database).note(ENTRY, [12345])
    return home


@pytest.fixture
def packed(full: Path, tmp_path: Path) -> Path:
    finish(pack(full, Database.at(full), tmp_path / "w.zip"))
    return tmp_path / "w.zip"


def imported(path: Path, home: Path, **options: Any) -> Database:
    database = Database.at(home)
    finish(unpack(path, home, database, **options))
    return database


def contents(home: Path) -> dict[str, bytes]:
    """Every file except databases, by name."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "sqlite" not in path.name
    }


def test_an_import_restores_everything_but_secrets_and_unfinished_work(
    packed: Path, full: Path, home: Path, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    database = imported(packed, home)
    library = Library(home, database=database)
    assert to_bytes(library.direction("eyes", "zoom")) == to_bytes(make_slider(eyes_spec, "zoom"))
    strip = library.strip("eyes", "zoom")
    assert strip is not None
    assert strip.read_bytes() == b"strip"
    mark = SharedStates(database).page().bookmarks[0]
    assert (mark.title, mark.state.body) == ("Blue", EDIT)
    assert [(row.job.id, row.job.state) for row in JobTable(database).all()] == [("j-1", State.DONE)]
    assert [row.job.person for row in JobTable(Database.at(full)).all()].count("f00d") == 1
    assert b"f00d" not in packed.read_bytes()  # person ids mean something only to the server that issued them
    assert [export["title"] for export in FilmArchive(home / "exports").all()] == ["A film"]
    assert LedgerTable(database).find("a" * 64, []) == [LedgerMatch(ENTRY, 0)]
    assert LedgerTable(database).find("b" * 64, [12345]) == [LedgerMatch(ENTRY, 0)]
    excluded = {"generators/mine/.half.part", "credentials/key.pem", "exports/x-2/file"}
    assert set(contents(full)) - set(contents(home)) == excluded
    assert b"secret" not in packed.read_bytes()
    assert [check for check in examine(home, database) if check.state == "broken"] == []


def test_importing_again_changes_nothing(packed: Path, home: Path) -> None:
    before = (imported(packed, home), contents(home))[1]
    database = imported(packed, home)
    assert contents(home) == before
    assert len(SharedStates(database).page().bookmarks) == 1
    assert LedgerTable(database).find("a" * 64, []) == [LedgerMatch(ENTRY, 0)]


def test_a_running_library_notices_an_import(packed: Path, home: Path) -> None:
    library = Library(home)
    assert not library.is_learned("eyes", "zoom")
    imported(packed, home)
    assert library.is_learned("eyes", "zoom")


def test_existing_items_are_replaced_only_on_request(
    packed: Path, home: Path, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    library = Library(home)
    library.keep(make_slider(eyes_spec, "zoom", seed=9))
    (home / "sounds").mkdir()
    (home / "sounds" / "a.flac").write_bytes(b"mine")
    before = contents(home)
    with pytest.raises(Conflict, match="2 things here") as caught:
        imported(packed, home)
    assert "eyes/zoom" in str(caught.value)
    assert contents(home) == before
    imported(packed, home, replace=True)
    assert library.direction("eyes", "zoom").seed == 1
    assert (home / "sounds" / "a.flac").read_bytes() == b"sounds/a.flac"


def test_a_damaged_home_is_not_packed(full: Path, tmp_path: Path) -> None:
    database = Database.at(full)
    objects = Library(full, database=database).learned.objects
    objects.path(next(objects.all())).write_bytes(b"scrap")
    with pytest.raises(Damaged):
        finish(pack(full, database, tmp_path / "w.zip"))
    assert not (tmp_path / "w.zip").exists()
    assert not list(tmp_path.glob("*.part"))


def test_an_empty_home_can_be_packed(home: Path, tmp_path: Path) -> None:
    finish(pack(home, Database.at(home), tmp_path / "w.zip"))
    assert imported(tmp_path / "w.zip", tmp_path / "other").exists


def rewritten(packed: Path, change: Change, compression: int = 0) -> Path:
    with zipfile.ZipFile(packed) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop(MANIFEST))
    change(manifest, members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in {**members, MANIFEST: json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    out = packed.with_name("changed.zip")
    out.write_bytes(buffer.getvalue())
    return out


def adding(name: str, data: bytes = b"x", sha256: str = "") -> Change:
    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        members[name] = data
        manifest["files"][name] = [sha256 or hashlib.sha256(data).hexdigest(), len(data)]

    return change


def changing(table: str, **fields: object) -> Change:
    return lambda manifest, members: manifest["rows"][table][0].update(fields)


def ledger(*rows: Any) -> Change:
    return adding("ledger.json", json.dumps(rows).encode())


def test_an_imported_job_belongs_to_nobody(packed: Path, home: Path) -> None:
    database = imported(rewritten(packed, changing("jobs", person="somebody-here")), home)
    assert [row.job.person for row in JobTable(database).all()] == [""]


ATTACKS: dict[str, Change] = {
    "out of the home": adding("objects/../../escaped"),
    "an absolute path": adding("/etc/escaped"),
    "a hidden file": adding("generators/.escaped"),
    "another folder": adding("credentials/key.pem"),
    "the database": adding("latentwalk.sqlite"),
    "a backslash": adding("exports\\..\\escaped"),
    "a wrong hash": adding("sounds/b.flac", sha256="0" * 64),
    "an object of another name": adding(f"objects/aa/{'a' * 64}"),
    "an unlisted member": lambda manifest, members: members.update({"sounds/b.flac": b"x"}),
    "a missing member": lambda manifest, members: manifest["files"].update({"sounds/b.flac": ["0" * 64, 1]}),
    "another format": lambda manifest, members: manifest.update(format=2),
    "no rows": lambda manifest, members: manifest.pop("rows"),
    "rows of nonsense": lambda manifest, members: manifest.update(rows={"jobs": 7}),
    "a slider without its file": changing("library", sha256="b" * 64),
    "a place that is none": changing("library", generator="../eyes"),
    "a state of another name": changing("states", id="0" * 20),
    "a state that is none": changing("states", body='{"generator": 1}'),
    "a job under way": changing("jobs", state="running"),
    "a job of another shape": changing("jobs", error="text"),
    "a bookmark without a title": changing("bookmarks", title=None),
    "a malformed ledger": ledger(7),
    "a ledger entry with a column missing": ledger([{"sha256": "a" * 64}, []]),
    "a ledger entry of another file name": ledger([{**asdict(ENTRY), "sha256": "../x"}, []]),
    "a ledger entry without a recipe": ledger([{**asdict(ENTRY), "recipe": "{"}, []]),
    "a ledger entry with malformed hashes": ledger([asdict(ENTRY), ["look"]]),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_manipulated_file_is_refused_and_changes_nothing(attack: str, packed: Path, home: Path) -> None:
    changed = rewritten(packed, ATTACKS[attack])
    with pytest.raises(Invalid) as caught:
        imported(changed, home)
    assert str(caught.value).endswith(".")
    assert not (home / "latentwalk.sqlite").exists() or SharedStates(Database.at(home)).page().bookmarks == []
    assert not list(home.parent.rglob("*escaped*"))


def test_a_compressed_file_is_refused(packed: Path, home: Path) -> None:
    with pytest.raises(Invalid, match="another program"):
        imported(rewritten(packed, lambda manifest, members: None, zipfile.ZIP_DEFLATED), home)


@pytest.mark.parametrize("data", [b"", b"PK", b"scrap" * 100])
def test_other_files_are_refused(data: bytes, home: Path, tmp_path: Path) -> None:
    (tmp_path / "w.zip").write_bytes(data)
    with pytest.raises(Invalid):
        imported(tmp_path / "w.zip", home)
    with pytest.raises(NotFound):
        imported(tmp_path / "nowhere.zip", home)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_or_changed_file_is_refused(share: float, packed: Path, home: Path) -> None:
    data = packed.read_bytes()
    packed.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Invalid):
        imported(packed, home)
    changed = bytearray(data)
    inside = data.index(b"generators/mine/weights.safetensors", data.index(b"generators/mine/w") + 20)
    changed[inside] ^= 1  # the member's content is its own name
    packed.write_bytes(bytes(changed))
    with pytest.raises(Invalid):
        imported(packed, home)
    assert not (home / "latentwalk.sqlite").exists()


def test_a_workspace_larger_than_the_free_space_is_refused_before_anything_is_written(
    packed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.atomic_files.RESERVE", 2**62)
    with pytest.raises(DiskFull):
        imported(packed, home)
    assert not home.exists()


def test_an_import_interrupted_at_any_file_loses_nothing_and_completes_when_repeated(
    packed: Path, full: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, remaining, interrupted = os.replace, [0], 0

    def failing(*arguments: Any) -> None:
        remaining[0] -= 1
        if remaining[0] < 0:
            raise OSError(5, "Input/output error")
        replace(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        while True:
            remaining[0] = 1  # one more file each time
            try:
                imported(packed, home)
                break
            except StorageFailed:
                interrupted += 1
                assert not Library(home).is_learned("eyes", "zoom")  # rows come last
    assert interrupted >= 6
    assert not list(home.rglob("*.part"))
    assert len(SharedStates(Database.at(home)).page().bookmarks) == 1


def test_a_failed_export_leaves_the_previous_file(packed: Path, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = packed.read_bytes()

    def full_disk(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(LatentwalkError):
            finish(pack(full, Database.at(full), packed))
    assert packed.read_bytes() == before
    assert atomic_files.PART not in "".join(os.listdir(packed.parent))


def test_the_command_exports_and_imports(full: Path, home: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LATENTWALK_HOME", str(full))
    exported = CliRunner().invoke(main, ["workspace", "export", str(tmp_path / "w.zip")])
    assert exported.exit_code == 0, exported.output
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    result = CliRunner().invoke(main, ["workspace", "import", str(tmp_path / "w.zip")])
    assert result.exit_code == 0, result.output
    assert Library(home).is_learned("eyes", "zoom")
    refused = CliRunner().invoke(main, ["workspace", "import", str(tmp_path / "nothing")])
    assert refused.exit_code == 1
    assert "There is no file" in refused.stderr
