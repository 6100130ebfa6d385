"""Files named by what they hold: one content once, and never one that was changed."""

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


def test_bytes_come_back_under_their_hash(objects: ObjectStore) -> None:
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
    objects.put(b"zoom")  # whoever brings the content again mends it
    assert objects.read(sha256) == b"zoom"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63])
def test_a_name_that_is_no_hash_leads_nowhere(name: str, objects: ObjectStore) -> None:
    with pytest.raises(Damaged):
        objects.read(name)


def test_what_nobody_names_is_known_once_it_is_old(objects: ObjectStore) -> None:
    named, old, young = (objects.put(data) for data in (b"a", b"b", b"c"))
    for sha256 in (named, old):
        os.utime(objects.path(sha256), (0, 0))
    assert objects.nobodys({named}) == [old]
    assert set(objects.all()) == {named, old, young}
