"""The library's index: one row per key, and changes are atomic."""

from __future__ import annotations

import pytest

from latentwalk.errors import StorageFailed
from server.storage.db.database import Database
from server.storage.db.library_index import IndexRow, LibraryIndex


def row(name: str, sha256: str = "a" * 64, **fields: object) -> IndexRow:
    return IndexRow(**{"kind": "direction", "generator": "eyes", "name": name, "sha256": sha256, "bytes": 3, **fields})


def test_a_row_replaces_one_with_the_same_key(database: Database) -> None:
    index = LibraryIndex(database)
    index.put([row("zoom", picture="c" * 64), row("red")])
    index.put([row("zoom", "b" * 64)])
    assert {name: row.sha256[0] for name, row in index.of("direction", "eyes").items()} == {"red": "a", "zoom": "b"}
    assert index.of("direction", "eyes")["zoom"].picture is None
    assert index.hashes() == {"a" * 64, "b" * 64}
    assert index.of("direction", "faces") == {}
    index.remove("direction", "eyes", "zoom")
    assert [one.name for one in index.all()] == ["red"]


def test_many_rows_are_inserted_together_or_not_at_all(database: Database) -> None:
    index = LibraryIndex(database)
    with pytest.raises(StorageFailed):
        index.put([row("zoom"), row("red", sha256=None)])
    assert index.all() == []
