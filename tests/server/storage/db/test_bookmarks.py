"""Shared states and bookmarks: equal states have one id, and an id always names the same state."""

from __future__ import annotations

import pytest

from latentwalk.errors import Invalid, NotFound
from server.storage.db.bookmarks import SharedStates
from server.storage.db.database import Database


def test_the_same_state_is_shared_once(database: Database) -> None:
    shared = SharedStates(database)
    state = shared.share("edit", '{"generator":"eyes"}')
    assert shared.share("edit", '{"generator":"eyes"}') == state
    assert shared.share("timeline", '{"generator":"eyes"}').id != state.id
    assert shared.find(state.id) == state
    with pytest.raises(NotFound):
        shared.find("nope")


def test_bookmarks_are_listed_newest_first_and_deleting_one_keeps_its_state(database: Database) -> None:
    shared = SharedStates(database)
    first, second = shared.mark("One", "edit", "{}"), shared.mark("  Two\n eyes ", "edit", "{}")
    assert [one.title for one in shared.marks()] == ["Two eyes", "One"]
    assert first.state == second.state
    shared.forget(first.id)
    assert [one.id for one in shared.marks()] == [second.id]
    shared.forget(second.id)
    assert shared.find(second.state.id).body == "{}"
    with pytest.raises(NotFound):
        shared.forget(second.id)


@pytest.mark.parametrize("id", ["", "\0", "\ud800", "x" * 10**5, "b-\0"])
def test_a_malformed_id_is_not_found(id: str, database: Database) -> None:
    for ask in (SharedStates(database).find, SharedStates(database).forget):
        with pytest.raises(NotFound):
            ask(id)


def test_characters_that_cannot_be_stored_are_removed_from_a_title(database: Database) -> None:
    assert SharedStates(database).mark("Ey\0es \ud800 ☂", "edit", "{}").title == "Eyes ? ☂"
    assert SharedStates(database).marks()[0].title == "Eyes ? ☂"


@pytest.mark.parametrize("title", ["", "\0", "  \n ", "x" * 201])
def test_an_empty_or_too_long_title_is_refused(title: str, database: Database) -> None:
    with pytest.raises(Invalid):
        SharedStates(database).mark(title, "edit", "{}")
