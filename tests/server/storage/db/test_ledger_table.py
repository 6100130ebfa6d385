"""The provenance ledger: entries are found by the bytes of their file, else by the appearance of their pictures."""

from __future__ import annotations

from dataclasses import replace

from latentwalk.provenance.ledger import MOST_MATCHES, LedgerEntry, LedgerMatch
from latentwalk.provenance.perceptual_hash import MATCH_DISTANCE
from server.storage.db.database import Database
from server.storage.db.ledger_table import LedgerTable

ENTRY = LedgerEntry("2026-01-01", "a" * 64, 3, "png", "A picture", "edit", '{"generator":"eyes"}')
LARGEST_HASH = 2**105 - 1


def bits(count: int) -> int:
    """A number with so many bits set."""
    return 2**count - 1


def test_an_empty_ledger_finds_nothing(database: Database) -> None:
    assert LedgerTable(database).find("a" * 64, [0]) == []


def test_a_file_is_found_by_its_bytes_newest_entry_first(database: Database) -> None:
    ledger = LedgerTable(database)
    film = replace(ENTRY, created="2026-01-02", kind="walk", export="x-1")
    for entry in (ENTRY, film, replace(ENTRY, sha256="b" * 64)):
        ledger.note(entry, [LARGEST_HASH])
    assert ledger.find("a" * 64, []) == [LedgerMatch(film, 0), LedgerMatch(ENTRY, 0)]
    assert ledger.find("c" * 64, []) == []


def test_a_changed_file_is_found_by_its_most_similar_picture(database: Database) -> None:
    ledger = LedgerTable(database)
    near, far = replace(ENTRY, sha256="b" * 64), replace(ENTRY, sha256="c" * 64)
    ledger.note(far, [bits(MATCH_DISTANCE)])
    ledger.note(near, [LARGEST_HASH, bits(2)])
    ledger.note(replace(ENTRY, sha256="d" * 64), [])
    assert ledger.find("e" * 64, [0]) == [LedgerMatch(near, 2), LedgerMatch(far, MATCH_DISTANCE)]
    assert ledger.find("e" * 64, [LARGEST_HASH]) == [LedgerMatch(near, 0)]
    assert ledger.find("e" * 64, [bits(50)]) == []
    assert ledger.find("e" * 64, [bits(50), bits(MATCH_DISTANCE)]) == [
        LedgerMatch(far, 0),
        LedgerMatch(near, MATCH_DISTANCE - 2),
    ]


def test_the_same_bytes_win_over_similar_pictures(database: Database) -> None:
    ledger = LedgerTable(database)
    ledger.note(ENTRY, [bits(60)])
    ledger.note(replace(ENTRY, sha256="b" * 64), [0])
    assert ledger.find("a" * 64, [0]) == [LedgerMatch(ENTRY, 0)]


def test_only_the_first_matches_are_returned(database: Database) -> None:
    ledger = LedgerTable(database)
    for number in range(MOST_MATCHES + 2):
        ledger.note(replace(ENTRY, created=f"{number:02}"), [0])
    newest = [f"{number:02}" for number in range(MOST_MATCHES + 1, 1, -1)]
    assert [match.entry.created for match in ledger.find("a" * 64, [])] == newest
    assert [match.entry.created for match in ledger.find("b" * 64, [0])] == newest


def test_entries_are_kept_when_the_database_is_reopened(url: str) -> None:
    database = Database(url)
    LedgerTable(database).note(replace(ENTRY, title="Ey\0es ☂"), [0])
    database.close()
    assert [match.entry.title for match in LedgerTable(database).find("a" * 64, [])] == ["Eyes ☂"]
    database.close()
