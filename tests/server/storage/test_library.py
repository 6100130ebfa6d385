"""The library: bundled, imported and learned generators and directions, and what happens to damaged ones."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.edit import Edit, parse
from latentwalk.errors import Conflict, Invalid, ModelFailed, NotFound, StorageFailed
from models import atomic_files
from models.catalogue import local
from models.specs import GeneratorSpec
from server.storage.db.database import Database
from server.storage.db.library_index import LibraryIndex
from server.storage.library import Library
from server.storage.objects import ObjectStore

Described = tuple[GeneratorSpec, dict[str, torch.Tensor]]
Make = Callable[..., Direction]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home", tmp_path / "bundled")


def _ship(library: Library, direction: Direction) -> None:
    folder = library.bundled / direction.generator
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{direction.id}.safetensors").write_bytes(to_bytes(direction))
    (folder / f"{direction.id}.jpg").write_bytes(b"shipped")


def test_an_unknown_generator_is_not_found(library: Library) -> None:
    with pytest.raises(NotFound, match="no generator “nope”"):
        library.load("nope")


def test_an_imported_generator_is_listed_last_and_loads(library: Library, described: Described) -> None:
    before = list(library.entries())
    local.save(library.home / "generators", *described)
    assert list(library.entries()) == [*before, "styled"]
    assert library.is_installed("styled")
    assert library.load("styled").spec == described[0]
    with pytest.raises(Conflict):
        library.pull("styled", lambda share, message: None)


def test_a_bundled_generator_is_listed_first_and_cannot_be_replaced(library: Library, described: Described) -> None:
    local.save(library.bundled, *described)
    local.save(library.home / "generators", *described)
    assert next(iter(library.entries())) == "styled"
    assert library.entry("styled").origin.member == str(library.bundled / "styled")
    assert library.directions("styled") == {}


def test_the_configured_generator_is_listed_first_and_an_unknown_name_is_ignored(
    library: Library, described: Described
) -> None:
    local.save(library.home / "generators", *described)
    first, usual = (list(Library(library.home, library.bundled, name).entries()) for name in ("styled", "nothing"))
    assert usual[-1] == "styled"
    assert first == ["styled", *usual[:-1]]


def test_a_generator_that_was_not_fetched_says_how_to_fetch_it(library: Library) -> None:
    assert not library.is_installed("faces")
    with pytest.raises(NotFound) as caught:
        library.load("faces")
    assert "latentwalk pull faces" in caught.value.hint


def test_damaged_weights_are_refused_with_a_hint(library: Library) -> None:
    path = library.home / "generators" / "faces" / "weights.safetensors"
    atomic_files.write(path, b"\x10\0\0\0\0\0\0\0 nonsense")
    with pytest.raises(ModelFailed) as caught:
        library.load("faces")
    assert "pull faces" in caught.value.hint


def test_the_embedded_generator_loads(library: Library) -> None:
    assert library.load("eyes").spec == library.spec("eyes")
    with pytest.raises(Conflict):
        library.pull("eyes", lambda share, message: None)


def test_a_learned_direction_hides_a_bundled_one_until_it_is_removed(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    _ship(library, make_slider(eyes_spec, "zoom", seed=1))
    assert library.direction("eyes", "zoom").seed == 1
    assert not library.is_learned("eyes", "zoom")
    library.keep(make_slider(eyes_spec, "zoom", seed=2), b"learned")
    assert library.direction("eyes", "zoom").seed == 2
    strip = library.strip("eyes", "zoom")
    assert strip is not None
    assert strip.read_bytes() == b"learned"
    library.remove("eyes", "zoom")
    assert library.direction("eyes", "zoom").seed == 1
    strip = library.strip("eyes", "zoom")
    assert strip is not None
    assert strip.read_bytes() == b"shipped"
    with pytest.raises(Conflict, match="ships with"):
        library.remove("eyes", "zoom")


def test_a_relearned_direction_without_a_strip_does_not_show_the_old_one(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    library.keep(make_slider(eyes_spec, "zoom"), b"old")
    library.keep(make_slider(eyes_spec, "zoom"))
    assert library.strip("eyes", "zoom") is None


def test_a_change_by_another_process_is_noticed(library: Library, eyes_spec: GeneratorSpec, make_slider: Make) -> None:
    assert not library.directions("eyes")
    edit = parse({"generator": "eyes", "base": {"seed": 1}, "amounts": {"zoom": 1}})
    before = library.stamp(edit)
    Library(library.home, library.bundled).keep(make_slider(eyes_spec, "zoom"))
    assert set(library.directions("eyes")) == {"zoom"}
    assert library.stamp(edit) != before
    assert library.stamp(Edit(generator="eyes", base=edit.base)) == ""


def test_directions_are_ordered_by_group(library: Library, eyes_spec: GeneratorSpec, make_slider: Make) -> None:
    for id, group in (("a", "discovered"), ("b", "colour"), ("c", "geometry"), ("d", "colour"), ("e", "mine")):
        library.keep(make_slider(eyes_spec, id, group=group))
    assert list(library.directions("eyes")) == ["c", "b", "d", "a", "e"]


def test_a_damaged_loose_file_is_skipped_with_a_warning(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make, caplog: pytest.LogCaptureFixture
) -> None:
    library.keep(make_slider(eyes_spec, "good"))
    folder = library.home / "directions" / "eyes"
    whole = to_bytes(make_slider(eyes_spec, "cut"))
    (folder / "cut.safetensors").write_bytes(whole[:-10])
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "other_name.safetensors").write_bytes(whole)
    foreign = make_slider(eyes_spec, "foreign", fingerprint="sha256:" + "0" * 64)
    (folder / "foreign.safetensors").write_bytes(to_bytes(foreign))
    with caplog.at_level(logging.WARNING):
        assert set(library.directions("eyes")) == {"good"}
    assert len(caplog.records) == 4


def test_an_uploaded_file_is_matched_to_its_generator_by_fingerprint(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    adopted = library.adopt(to_bytes(make_slider(eyes_spec, "zoom", generator="oculi")))
    assert adopted.generator == "eyes"
    assert library.is_learned("eyes", "zoom")


def test_a_file_for_an_unknown_generator_is_refused(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    data = to_bytes(make_slider(eyes_spec, "zoom", generator="cats", fingerprint="sha256:" + "ab" * 32))
    with pytest.raises(Invalid, match="was made for cats"):
        library.adopt(data)
    assert not library.directions("eyes")


@pytest.mark.parametrize(
    "fields",
    [
        {"walk": LinearWalk(torch.ones(7))},
        {"space": "w"},
        {"track": (-1.0, 1.0), "range": (-10.0, 10.0)},
        {"track": (2.0, 3.0), "range": (2.0, 3.0)},
    ],
)
def test_a_well_formed_but_inconsistent_file_is_refused(
    fields: dict[str, object], library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    with pytest.raises(Invalid):
        library.adopt(to_bytes(make_slider(eyes_spec, "odd", **fields)))


def test_a_full_disk_keeps_the_old_direction(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.keep(make_slider(eyes_spec, "zoom", seed=1))

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFailed, match="disk is full"):
            library.keep(make_slider(eyes_spec, "zoom", seed=2), b"strip")
    assert library.direction("eyes", "zoom").seed == 1
    assert not list(library.home.rglob("*.part"))


def test_a_direction_that_was_changed_on_the_disk_is_skipped(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make, caplog: pytest.LogCaptureFixture
) -> None:
    library.keep(make_slider(eyes_spec, "zoom"), b"strip")
    library.keep(make_slider(eyes_spec, "red"), b"strip")
    rows = LibraryIndex(Database.at(library.home)).of("direction", "eyes")
    objects = ObjectStore(library.home / "objects")
    assert rows["zoom"].picture == rows["red"].picture  # equal pictures are stored once
    path = objects.path(rows["zoom"].sha256)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with caplog.at_level(logging.WARNING):
        assert set(Library(library.home, library.bundled).directions("eyes")) == {"red"}
    assert "changed on the disk" in caplog.text
    objects.path(str(rows["red"].picture)).write_bytes(b"scrap")
    assert library.strip("eyes", "red") is None


def test_bundled_directions_stay_usable_when_the_database_is_damaged(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make, put_direction: Callable[..., Path]
) -> None:
    put_direction(library.bundled.parent, make_slider(eyes_spec, "zoom"))
    (library.bundled.parent / "directions").rename(library.bundled)
    library.home.mkdir()
    (library.home / "latentwalk.sqlite").write_bytes(b"scrap" * 1000)
    assert set(library.directions("eyes")) == {"zoom"}


def test_files_are_deleted_with_the_last_row_that_names_them(
    library: Library, eyes_spec: GeneratorSpec, make_slider: Make
) -> None:
    objects = ObjectStore(library.home / "objects")
    library.keep(make_slider(eyes_spec, "zoom", seed=1), b"same")
    library.keep(make_slider(eyes_spec, "red"), b"same")
    assert len(list(objects.all())) == 3
    library.keep(make_slider(eyes_spec, "zoom", seed=2), b"same")
    assert len(list(objects.all())) == 3
    library.remove("eyes", "zoom")
    assert len(list(objects.all())) == 2
    assert library.strip("eyes", "red") is not None
    library.remove("eyes", "red")
    assert list(objects.all()) == []
