"""What people share and mark: edits and timelines under a short name that always means the same."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, func, insert, select

from latentwalk.errors import Invalid, NotFound, Overloaded
from server.jobs.job import now
from server.storage.db.database import Database, storable
from server.storage.db.tables import BOOKMARKS, STATES

Kind = Literal["edit", "timeline"]
SHORT = 20  # hexadecimal digits of a state's SHA-256: 80 bits, which nobody meets by chance or guesses
STATE, BOOKMARK = re.compile(rf"[0-9a-f]{{{SHORT}}}"), re.compile(r"b-[0-9a-f]{12}")
MOST_STATES, MOST_BOOKMARKS = 100_000, 1000
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class State:
    """An edit or a timeline in its canonical JSON, `body`; `id` is of the content, so the same is shared once."""

    id: str
    kind: Kind
    body: str
    created: str


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A state that somebody gave a title."""

    id: str
    title: str
    state: State
    created: str


class SharedStates:
    """Shared states and bookmarks. What a call returned is durable; a state is never changed or removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def share(self, kind: Kind, body: str) -> State:
        """Keep a state; the one that is there already where it is the same."""
        id = hashlib.sha256(f"{kind}\n{body}".encode()).hexdigest()[:SHORT]
        with self._database.writing() as connection:
            there = connection.execute(select(STATES).where(STATES.c.id == id)).mappings().first()
            if there is not None:
                return State(**there)
            if int(connection.execute(select(func.count()).select_from(STATES)).scalar_one()) >= MOST_STATES:
                raise Overloaded(f"{MOST_STATES} states are shared already.", "Copy the whole link instead.")
            state = State(id, kind, body, now())
            row = {"id": id, "kind": kind, "body": body, "created": state.created}
            connection.execute(insert(STATES).values(row))
            return state

    def find(self, id: str) -> State:
        """A shared state."""
        if not STATE.fullmatch(id):
            raise NotFound("Nothing is shared under that name.", "Ask for the link again.")
        with self._database.reading() as connection:
            found = connection.execute(select(STATES).where(STATES.c.id == id)).mappings().first()
        if found is None:
            raise NotFound(f"Nothing is shared as “{id[:40]}”.", "Ask for the link again.")
        return State(**found)

    def mark(self, title: str, kind: Kind, body: str) -> Bookmark:
        """Keep a state under a title."""
        said = " ".join(storable(title).split())
        if not said or len(said) > LONGEST_TITLE:
            raise Invalid("A bookmark needs a title.", f"Give it 1 to {LONGEST_TITLE} characters.")
        state = self.share(kind, body)
        made = Bookmark(f"b-{secrets.token_hex(6)}", said, state, now())
        with self._database.writing() as connection:
            if int(connection.execute(select(func.count()).select_from(BOOKMARKS)).scalar_one()) >= MOST_BOOKMARKS:
                raise Overloaded(f"There are {MOST_BOOKMARKS} bookmarks already.", "Remove some first.")
            row = {"id": made.id, "title": said, "state": state.id, "created": made.created}
            connection.execute(insert(BOOKMARKS).values(row))
        return made

    def marks(self) -> list[Bookmark]:
        """Every bookmark, newest first."""
        joined = select(BOOKMARKS.c.id, BOOKMARKS.c.title, BOOKMARKS.c.created, STATES).join(
            STATES, STATES.c.id == BOOKMARKS.c.state
        )
        with self._database.reading() as connection:
            rows = connection.execute(joined.order_by(BOOKMARKS.c.created.desc(), BOOKMARKS.c.id)).all()
        return [Bookmark(row[0], row[1], State(row[3], row[4], row[5], row[6]), row[2]) for row in rows]

    def forget(self, id: str) -> None:
        """Remove a bookmark; who has the link of its state can still open it."""
        with self._database.writing() as connection:
            if (
                not BOOKMARK.fullmatch(id)
                or connection.execute(delete(BOOKMARKS).where(BOOKMARKS.c.id == id)).rowcount == 0
            ):
                raise NotFound(f"There is no bookmark “{id[:40]}”.", "See /api/bookmarks for those there are.")
