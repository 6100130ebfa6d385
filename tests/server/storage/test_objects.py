"""The object store: equal content is stored once, and a changed file is never read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from latentwalk.errors import Damaged
from server.storage.objects import ObjectStore


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


def test_bytes_are_stored_once_and_read_by_their_hash(objects: ObjectStore) -> None:
    sha256 = objects.put(b"zoom")
    assert sha256 == hashlib.sha256(b"zoom").hexdigest()
    assert objects.read(sha256) == objects.checked(sha256).read_bytes() == b"zoom"
    assert objects.put(b"zoom") == sha256
    assert list(objects.all()) == [sha256]


def test_a_changed_file_is_never_read(objects: ObjectStore) -> None:
    sha256 = objects.put(b"zoom")
    objects.path(sha256).write_bytes(b"zoon")
    for read in (objects.read, objects.checked):
        with pytest.raises(Damaged):
            read(sha256)
    objects.put(b"zoom")  # storing the content again repairs the file
    assert objects.read(sha256) == b"zoom"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63])
def test_a_malformed_hash_names_no_file(name: str, objects: ObjectStore) -> None:
    with pytest.raises(Damaged):
        objects.read(name)


def test_an_unreferenced_file_is_reported_once_it_is_old(objects: ObjectStore) -> None:
    referenced, old, young = (objects.put(data) for data in (b"a", b"b", b"c"))
    for sha256 in (referenced, old):
        os.utime(objects.path(sha256), (0, 0))
    assert objects.unreferenced({referenced}) == [old]
    assert set(objects.all()) == {referenced, old, young}
