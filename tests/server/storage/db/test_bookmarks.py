"""Shared states and bookmarks: the same state has one name, and a name always means the same."""

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


def test_bookmarks_are_listed_newest_first_and_leave_the_state_behind(database: Database) -> None:
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
def test_a_name_that_can_be_none_is_not_asked_for(id: str, database: Database) -> None:
    for ask in (SharedStates(database).find, SharedStates(database).forget):
        with pytest.raises(NotFound):
            ask(id)


def test_a_title_is_kept_as_far_as_it_can_be(database: Database) -> None:
    assert SharedStates(database).mark("Ey\0es \ud800 ☂", "edit", "{}").title == "Eyes ? ☂"
    assert SharedStates(database).marks()[0].title == "Eyes ? ☂"


@pytest.mark.parametrize("title", ["", "\0", "  \n ", "x" * 201])
def test_a_bookmark_has_a_title(title: str, database: Database) -> None:
    with pytest.raises(Invalid):
        SharedStates(database).mark(title, "edit", "{}")
