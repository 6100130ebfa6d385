"""Shared states and bookmarks: edits and timelines under short ids that are derived from their content."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, func, insert, select

from latentwalk.errors import Invalid, NotFound, Overloaded
from server.storage.db.database import Database, storable
from server.storage.db.job import now
from server.storage.db.tables import BOOKMARKS, STATES

Kind = Literal["edit", "timeline"]
ID_DIGITS = 20  # hexadecimal digits of the content's SHA-256: 80 bits make collisions and guesses negligible
STATE_ID, BOOKMARK_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}"), re.compile(r"b-[0-9a-f]{12}")
MAX_STATES, MAX_BOOKMARKS = 100_000, 1000
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class State:
    """An edit or a timeline as canonical JSON, `body`. Equal content has an equal `id`."""

    id: str
    kind: Kind
    body: str
    created: str


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A state with a title."""

    id: str
    title: str
    state: State
    created: str


def state_id(kind: Kind, body: str) -> str:
    """The id of a shared state: the first digits of the SHA-256 of its kind and its canonical JSON."""
    return hashlib.sha256(f"{kind}\n{body}".encode()).hexdigest()[:ID_DIGITS]


class SharedStates:
    """Shared states and bookmarks. Changes are durable when a call returns; a state is never changed or removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def share(self, kind: Kind, body: str) -> State:
        """Store a state, or return the stored one with the same content. Overloaded when there are too many."""
        id = state_id(kind, body)
        with self._database.writing() as connection:
            existing = connection.execute(select(STATES).where(STATES.c.id == id)).mappings().first()
            if existing is not None:
                return State(**existing)
            if int(connection.execute(select(func.count()).select_from(STATES)).scalar_one()) >= MAX_STATES:
                raise Overloaded(f"{MAX_STATES} states are shared already.", "Copy the whole link instead.")
            state = State(id, kind, body, now())
            row = {"id": id, "kind": kind, "body": body, "created": state.created}
            connection.execute(insert(STATES).values(row))
            return state

    def find(self, id: str) -> State:
        """The shared state with this id; NotFound when there is none."""
        if not STATE_ID.fullmatch(id):
            raise NotFound("There is no shared state with this id.", "Ask for the link again.")
        with self._database.reading() as connection:
            row = connection.execute(select(STATES).where(STATES.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"There is no shared state “{id[:40]}”.", "Ask for the link again.")
        return State(**row)

    def mark(self, title: str, kind: Kind, body: str) -> Bookmark:
        """Store a state under a title. Invalid for an empty or too long title, Overloaded for too many bookmarks."""
        title = " ".join(storable(title).split())
        if not title or len(title) > LONGEST_TITLE:
            raise Invalid("A bookmark needs a title.", f"Use 1 to {LONGEST_TITLE} characters.")
        state = self.share(kind, body)
        bookmark = Bookmark(f"b-{secrets.token_hex(6)}", title, state, now())
        with self._database.writing() as connection:
            if int(connection.execute(select(func.count()).select_from(BOOKMARKS)).scalar_one()) >= MAX_BOOKMARKS:
                raise Overloaded(f"There are {MAX_BOOKMARKS} bookmarks already.", "Delete some first.")
            row = {"id": bookmark.id, "title": title, "state": state.id, "created": bookmark.created}
            connection.execute(insert(BOOKMARKS).values(row))
        return bookmark

    def marks(self) -> list[Bookmark]:
        """Every bookmark, newest first."""
        joined = select(BOOKMARKS.c.id, BOOKMARKS.c.title, BOOKMARKS.c.created, STATES).join(
            STATES, STATES.c.id == BOOKMARKS.c.state
        )
        with self._database.reading() as connection:
            rows = connection.execute(joined.order_by(BOOKMARKS.c.created.desc(), BOOKMARKS.c.id)).all()
        return [Bookmark(row[0], row[1], State(row[3], row[4], row[5], row[6]), row[2]) for row in rows]

    def forget(self, id: str) -> None:
        """Delete a bookmark; the state it names stays, so links to it still open. NotFound when there is none."""
        with self._database.writing() as connection:
            deleted = BOOKMARK_ID.fullmatch(id) and connection.execute(delete(BOOKMARKS).where(BOOKMARKS.c.id == id))
            if not deleted or deleted.rowcount == 0:
                raise NotFound(f"There is no bookmark “{id[:40]}”.", "GET /api/bookmarks lists the existing ones.")
