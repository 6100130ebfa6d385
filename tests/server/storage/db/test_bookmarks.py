"""Shared states and bookmarks: equal states have one id, and an id always names the same state."""

from __future__ import annotations

import pytest

from latentwalk.errors import Invalid, NotFound, Overloaded
from server.storage.db import bookmarks
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
    assert [one.title for one in shared.page().bookmarks] == ["Two eyes", "One"]
    assert first.state == second.state
    shared.forget(first.id)
    assert [one.id for one in shared.page().bookmarks] == [second.id]
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
    assert SharedStates(database).page().bookmarks[0].title == "Eyes ? ☂"


@pytest.mark.parametrize("title", ["", "\0", "  \n ", "x" * 201])
def test_an_empty_or_too_long_title_is_refused(title: str, database: Database) -> None:
    with pytest.raises(Invalid):
        SharedStates(database).mark(title, "edit", "{}")


def test_bookmarks_are_read_in_pages_that_end_early_where_their_states_are_large(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedStates(database)
    ids = [shared.mark(f"Mark {n}", "edit", f'{{"n":{n},"x":"{"x" * 400}"}}').id for n in range(7)][::-1]

    def pages(limit: int) -> list[list[str]]:
        found, after = [], ""
        while True:
            page = shared.page(after, limit)
            found.append([bookmark.id for bookmark in page.bookmarks])
            if page.next is None:
                return found
            after = page.next

    listed = [id for page in pages(3) for id in page]
    assert sorted(listed) == sorted(ids)
    assert [len(page) for page in pages(3)] == [3, 3, 1]
    assert [len(page) for page in pages(7)] == [7]
    monkeypatch.setattr(bookmarks, "PAGE_BYTES", 1000)
    assert [len(page) for page in pages(7)] == [3, 3, 1]
    with pytest.raises(NotFound):
        shared.page("b-000000000000")


def test_what_an_account_shares_is_limited_in_bytes_and_leaves_room_for_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookmarks, "MAX_BYTES_PER_ACCOUNT", 1000)
    shared = SharedStates(database)
    first = shared.share("edit", "ä" * 300, "token-a")
    with pytest.raises(Overloaded, match="takes"):
        shared.share("edit", "b" * 600, "token-a")
    assert shared.share("edit", "ä" * 300, "token-a") == first
    assert shared.share("edit", "b" * 600, "token-b").body == "b" * 600
    monkeypatch.setattr(bookmarks, "MAX_BYTES", 1300)
    with pytest.raises(Overloaded, match="2 states"):
        shared.mark("More", "edit", "c" * 200, "token-c")
