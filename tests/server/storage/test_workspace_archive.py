"""A whole home as one file: what comes out is what went in, and a bad file changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.errors import Conflict, Damaged, DiskFull, Invalid, LatentwalkError, NotFound, StorageFailed
from latentwalk.progress import finish
from latentwalk.provenance.ledger import Ledger, LedgerEntry
from models import atomic_files
from models.specs import GeneratorSpec
from server.cli.main import main
from server.jobs.job import Job, State
from server.ops.repair import examine
from server.storage.db.bookmarks import SharedStates
from server.storage.db.database import Database
from server.storage.db.job_table import JobRow, JobTable
from server.storage.film_archive import FilmArchive
from server.storage.library import Library
from server.storage.workspace_archive import MANIFEST, pack, unpack

EDIT = '{"base":{"seed":7},"generator":"eyes"}'
Make = Callable[..., Direction]


@pytest.fixture
def full(tmp_path: Path, eyes_spec: GeneratorSpec, make_slider: Make) -> Path:
    """A home with something of everything."""
    home = tmp_path / "full"
    database = Database.at(home)
    Library(home, database=database).keep(make_slider(eyes_spec, "zoom"), b"strip")
    SharedStates(database).mark("Blue", "edit", EDIT)
    worklist = JobTable(database)
    job = Job("j-1", "learn", "Learning", State.DONE, created="2026", result={"direction": "zoom"}, person="f00d")
    worklist.keep([JobRow(job)])
    worklist.add(Job("j-2", "learn", "Learning on", created="2026"), {"generator": "eyes"})
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
    Ledger(home / "ledger.sqlite").note(LedgerEntry("2026", "a" * 64, 3, "png", "A picture", "edit", "{}"), [b"look"])
    return home


@pytest.fixture
def packed(full: Path, tmp_path: Path) -> Path:
    finish(pack(full, Database.at(full), tmp_path / "w.zip"))
    return tmp_path / "w.zip"


def taken(path: Path, home: Path, **how: Any) -> Database:
    database = Database.at(home)
    finish(unpack(path, home, database, **how))
    return database


def contents(home: Path) -> dict[str, bytes]:
    """Every file but databases, by name."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "sqlite" not in path.name
    }


def test_all_of_a_home_comes_out_of_the_file_again(
    packed: Path, full: Path, home: Path, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    database = taken(packed, home)
    library = Library(home, database=database)
    assert to_bytes(library.direction("eyes", "zoom")) == to_bytes(make_slider(eyes_spec, "zoom"))
    strip = library.strip("eyes", "zoom")
    assert strip is not None
    assert strip.read_bytes() == b"strip"
    mark = SharedStates(database).marks()[0]
    assert (mark.title, mark.state.body) == ("Blue", EDIT)
    assert [(kept.job.id, kept.job.state) for kept in JobTable(database).all()] == [("j-1", State.DONE)]
    assert [kept.job.person for kept in JobTable(Database.at(full)).all()].count("f00d") == 1
    assert b"f00d" not in packed.read_bytes()  # people are known to the server that let them in
    assert [export["title"] for export in FilmArchive(home / "exports").all()] == ["A film"]
    assert Ledger(home / "ledger.sqlite").all() == Ledger(full / "ledger.sqlite").all()
    left_out = {"generators/mine/.half.part", "credentials/key.pem", "exports/x-2/file"}
    assert set(contents(full)) - set(contents(home)) == left_out
    assert b"secret" not in packed.read_bytes()
    assert [check for check in examine(home, database) if check.state == "broken"] == []


def test_taking_it_in_again_changes_nothing(packed: Path, home: Path) -> None:
    before = (taken(packed, home), contents(home))[1]
    database = taken(packed, home)
    assert contents(home) == before
    assert len(SharedStates(database).marks()) == 1
    assert len(Ledger(home / "ledger.sqlite").all()) == 1


def test_a_running_library_sees_what_came_in(packed: Path, home: Path) -> None:
    library = Library(home)
    assert not library.is_learned("eyes", "zoom")
    taken(packed, home)
    assert library.is_learned("eyes", "zoom")


def test_what_is_here_already_is_not_replaced_unasked(
    packed: Path, home: Path, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    library = Library(home)
    library.keep(make_slider(eyes_spec, "zoom", seed=9))
    (home / "sounds").mkdir()
    (home / "sounds" / "a.flac").write_bytes(b"mine")
    before = contents(home)
    with pytest.raises(Conflict, match="2 things here") as caught:
        taken(packed, home)
    assert "eyes/zoom" in str(caught.value)
    assert contents(home) == before
    taken(packed, home, replace=True)
    assert library.direction("eyes", "zoom").seed == 1
    assert (home / "sounds" / "a.flac").read_bytes() == b"sounds/a.flac"


def test_a_home_that_is_not_whole_is_not_packed(full: Path, tmp_path: Path) -> None:
    database = Database.at(full)
    objects = Library(full, database=database).learned.objects
    objects.path(next(objects.all())).write_bytes(b"scrap")
    with pytest.raises(Damaged):
        finish(pack(full, database, tmp_path / "w.zip"))
    assert not (tmp_path / "w.zip").exists()
    assert not list(tmp_path.glob("*.part"))


def test_an_empty_home_is_packed_too(home: Path, tmp_path: Path) -> None:
    finish(pack(home, Database.at(home), tmp_path / "w.zip"))
    assert taken(tmp_path / "w.zip", tmp_path / "other").exists


def rewritten(packed: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None], how: int = 0) -> Path:
    with zipfile.ZipFile(packed) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    told = json.loads(members.pop(MANIFEST))
    change(told, members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in {**members, MANIFEST: json.dumps(told).encode()}.items():
            archive.writestr(name, data)
    out = packed.with_name("changed.zip")
    out.write_bytes(buffer.getvalue())
    return out


def adding(name: str, data: bytes = b"x", sha256: str = "") -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(told: dict[str, Any], members: dict[str, bytes]) -> None:
        members[name] = data
        told["files"][name] = [sha256 or hashlib.sha256(data).hexdigest(), len(data)]

    return change


def row(table: str, **fields: object) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda told, members: told["rows"][table][0].update(fields)


def test_a_file_packed_before_people_were_kept_is_taken_in(packed: Path, home: Path) -> None:
    database = taken(rewritten(packed, lambda told, members: told["rows"]["jobs"][0].pop("person")), home)
    assert [(kept.job.id, kept.job.person) for kept in JobTable(database).all()] == [("j-1", "")]


def test_a_file_cannot_say_that_somebody_here_started_a_job(packed: Path, home: Path) -> None:
    database = taken(rewritten(packed, row("jobs", person="somebody-here")), home)
    assert [kept.job.person for kept in JobTable(database).all()] == [""]


ATTACKS: dict[str, Callable[[dict[str, Any], dict[str, bytes]], None]] = {
    "out of the home": adding("objects/../../escaped"),
    "an absolute path": adding("/etc/escaped"),
    "a hidden file": adding("generators/.escaped"),
    "another folder": adding("credentials/key.pem"),
    "the database": adding("latentwalk.sqlite"),
    "a backslash": adding("exports\\..\\escaped"),
    "a wrong hash": adding("sounds/b.flac", sha256="0" * 64),
    "an object of another name": adding(f"objects/aa/{'a' * 64}"),
    "a member nobody told of": lambda told, members: members.update({"sounds/b.flac": b"x"}),
    "a missing member": lambda told, members: told["files"].update({"sounds/b.flac": ["0" * 64, 1]}),
    "another format": lambda told, members: told.update(format=2),
    "no rows": lambda told, members: told.pop("rows"),
    "rows of nonsense": lambda told, members: told.update(rows={"jobs": 7}),
    "a slider without its file": row("library", sha256="b" * 64),
    "a place that is none": row("library", generator="../eyes"),
    "a state of another name": row("states", id="0" * 20),
    "a state that is none": row("states", body='{"generator": 1}'),
    "a job under way": row("jobs", state="running"),
    "a job of another shape": row("jobs", error="text"),
    "a bookmark without a title": row("bookmarks", title=None),
    "a ledger of nonsense": lambda told, members: (
        members.update({"ledger.json": b"[7]"}),
        told["files"].update({"ledger.json": [hashlib.sha256(b"[7]").hexdigest(), 3]}),
    )[0],
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_that_was_tampered_with_changes_nothing(attack: str, packed: Path, home: Path) -> None:
    changed = rewritten(packed, ATTACKS[attack])
    with pytest.raises(Invalid) as caught:
        taken(changed, home)
    assert str(caught.value).endswith(".")
    assert not (home / "latentwalk.sqlite").exists() or SharedStates(Database.at(home)).marks() == []
    assert not list(home.parent.rglob("*escaped*"))


def test_a_file_that_would_grow_is_refused(packed: Path, home: Path) -> None:
    with pytest.raises(Invalid, match="another program"):
        taken(rewritten(packed, lambda told, members: None, zipfile.ZIP_DEFLATED), home)


@pytest.mark.parametrize("data", [b"", b"PK", b"scrap" * 100])
def test_another_file_is_no_workspace(data: bytes, home: Path, tmp_path: Path) -> None:
    (tmp_path / "w.zip").write_bytes(data)
    with pytest.raises(Invalid):
        taken(tmp_path / "w.zip", home)
    with pytest.raises(NotFound):
        taken(tmp_path / "nowhere.zip", home)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_file_that_was_cut_off_or_changed_is_refused(share: float, packed: Path, home: Path) -> None:
    data = packed.read_bytes()
    packed.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Invalid):
        taken(packed, home)
    bad = bytearray(data)
    bad[data.index(b"generators/mine/weights.safetensors", data.index(b"generators/mine/w") + 20)] ^= (
        1  # in what it holds
    )
    packed.write_bytes(bytes(bad))
    with pytest.raises(Invalid):
        taken(packed, home)
    assert not (home / "latentwalk.sqlite").exists()


def test_what_has_no_room_is_refused_before_anything_is_written(
    packed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.atomic_files.RESERVE", 2**62)
    with pytest.raises(DiskFull):
        taken(packed, home)
    assert not home.exists()


def test_stopped_at_any_file_nothing_is_lost_and_the_same_again_completes_it(
    packed: Path, full: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, left, stopped = os.replace, [0], 0

    def failing(*arguments: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, "Input/output error")
        replace(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        while True:
            left[0] = 1  # one more file each time
            try:
                taken(packed, home)
                break
            except StorageFailed:
                stopped += 1
                assert not Library(home).is_learned("eyes", "zoom")  # rows come last
    assert stopped >= 6
    assert not list(home.rglob("*.part"))
    assert len(SharedStates(Database.at(home)).marks()) == 1


def test_a_pack_that_fails_leaves_the_old_one(packed: Path, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = packed.read_bytes()

    def full_disk(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(LatentwalkError):
            finish(pack(full, Database.at(full), packed))
    assert packed.read_bytes() == before
    assert atomic_files.PART not in "".join(os.listdir(packed.parent))


def test_the_command_packs_and_takes_in(full: Path, home: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LATENTWALK_HOME", str(full))
    done = CliRunner().invoke(main, ["workspace", "export", str(tmp_path / "w.zip")])
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    done = CliRunner().invoke(main, ["workspace", "import", str(tmp_path / "w.zip")])
    assert done.exit_code == 0, done.output
    assert Library(home).is_learned("eyes", "zoom")
    refused = CliRunner().invoke(main, ["workspace", "import", str(tmp_path / "nothing")])
    assert refused.exit_code == 1
    assert "There is no file" in refused.stderr
