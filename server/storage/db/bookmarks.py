"""Shared states and bookmarks: edits and timelines under short ids that are derived from their content."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import and_, delete, func, insert, or_, select

from latentwalk.errors import Invalid, NotFound, Overloaded
from server.storage.db.database import Database, storable
from server.storage.db.job import now
from server.storage.db.tables import BOOKMARKS, STATES

Kind = Literal["edit", "timeline"]
ID_DIGITS = 20  # hexadecimal digits of the content's SHA-256: 80 bits make collisions and guesses negligible
STATE_ID, BOOKMARK_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}"), re.compile(r"b-[0-9a-f]{12}")
MAX_STATES, MAX_BOOKMARKS = 100_000, 1000
MAX_BYTES, MAX_BYTES_PER_ACCOUNT = 2**30, 2**26  # of shared states
LONGEST_TITLE = 200
PAGE, PAGE_BYTES = 100, 2**20  # bookmarks of one page, and bytes of their states after which it ends


@dataclass(frozen=True, slots=True)
class State:
    """An edit or a timeline as canonical JSON, `body`. Equal content has an equal `id`."""

    id: str
    kind: Kind
    body: str
    created: str


@dataclass(frozen=True, slots=True)
class BookmarkPage:
    """Some bookmarks, newest first; `next` is the id after which the following page begins, None at the end."""

    bookmarks: list[Bookmark]
    next: str | None


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A state with a title."""

    id: str
    title: str
    state: State
    created: str


_STATE = (STATES.c.id, STATES.c.kind, STATES.c.body, STATES.c.created)


def state_id(kind: Kind, body: str) -> str:
    """The id of a shared state: the first digits of the SHA-256 of its kind and its canonical JSON."""
    return hashlib.sha256(f"{kind}\n{body}".encode()).hexdigest()[:ID_DIGITS]


class SharedStates:
    """Shared states and bookmarks. Changes are durable when a call returns; a state is never changed or removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def share(self, kind: Kind, body: str, account: str = "") -> State:
        """Store a state, or return the stored one with the same content.

        Overloaded when there are too many states, or when they or those of the account take too much space.
        """
        id, size = state_id(kind, body), len(body.encode())
        with self._database.writing() as connection:
            existing = connection.execute(select(*_STATE).where(STATES.c.id == id)).mappings().first()
            if existing is not None:
                return State(**existing)
            count, total = connection.execute(select(func.count(), func.sum(STATES.c.bytes))).one()
            if count >= MAX_STATES or (total or 0) + size > MAX_BYTES:
                raise Overloaded(f"{count} states are shared already.", "Copy the whole link instead.")
            own = select(func.sum(STATES.c.bytes)).where(STATES.c.account == account)
            if (connection.execute(own).scalar_one() or 0) + size > MAX_BYTES_PER_ACCOUNT:
                message = f"What was shared with your link takes {MAX_BYTES_PER_ACCOUNT >> 20} MiB already."
                raise Overloaded(message, "Copy the whole link instead.")
            state = State(id, kind, body, now())
            row = {"id": id, "kind": kind, "body": body, "created": state.created, "bytes": size, "account": account}
            connection.execute(insert(STATES).values(row))
            return state

    def find(self, id: str) -> State:
        """The shared state with this id; NotFound when there is none."""
        if not STATE_ID.fullmatch(id):
            raise NotFound("There is no shared state with this id.", "Ask for the link again.")
        with self._database.reading() as connection:
            row = connection.execute(select(*_STATE).where(STATES.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"There is no shared state “{id[:40]}”.", "Ask for the link again.")
        return State(**row)

    def mark(self, title: str, kind: Kind, body: str, account: str = "") -> Bookmark:
        """Store a state under a title. Invalid for an empty or too long title, Overloaded for too many bookmarks."""
        title = " ".join(storable(title).split())
        if not title or len(title) > LONGEST_TITLE:
            raise Invalid("A bookmark needs a title.", f"Use 1 to {LONGEST_TITLE} characters.")
        state = self.share(kind, body, account)
        bookmark = Bookmark(f"b-{secrets.token_hex(6)}", title, state, now())
        with self._database.writing() as connection:
            if int(connection.execute(select(func.count()).select_from(BOOKMARKS)).scalar_one()) >= MAX_BOOKMARKS:
                raise Overloaded(f"There are {MAX_BOOKMARKS} bookmarks already.", "Delete some first.")
            row = {"id": bookmark.id, "title": title, "state": state.id, "created": bookmark.created}
            connection.execute(insert(BOOKMARKS).values(row))
        return bookmark

    def page(self, after: str = "", limit: int = PAGE) -> BookmarkPage:
        """Up to `limit` bookmarks after the one with this id, or the newest; fewer where their states are large.

        NotFound when the bookmark `after` does not exist any more.
        """
        joined = select(BOOKMARKS.c.id, BOOKMARKS.c.title, BOOKMARKS.c.created, *_STATE).join(
            STATES, STATES.c.id == BOOKMARKS.c.state
        )
        with self._database.reading() as connection:
            if after:
                before = select(BOOKMARKS.c.created).where(BOOKMARKS.c.id == after)
                created = BOOKMARK_ID.fullmatch(after) and connection.execute(before).scalar_one_or_none()
                if not created:
                    raise NotFound(f"There is no bookmark “{after[:40]}”.", "Read the list from its start.")
                later = and_(BOOKMARKS.c.created == created, BOOKMARKS.c.id > after)
                joined = joined.where(or_(BOOKMARKS.c.created < created, later))
            rows = connection.execute(joined.order_by(BOOKMARKS.c.created.desc(), BOOKMARKS.c.id).limit(limit + 1))
            bookmarks: list[Bookmark] = []
            size = 0
            for row in rows:
                if len(bookmarks) == limit or size > PAGE_BYTES:
                    return BookmarkPage(bookmarks, bookmarks[-1].id)
                bookmarks.append(Bookmark(row[0], row[1], State(row[3], row[4], row[5], row[6]), row[2]))
                size += len(row[5])
        return BookmarkPage(bookmarks, None)

    def forget(self, id: str) -> None:
        """Delete a bookmark; the state it names stays, so links to it still open. NotFound when there is none."""
        with self._database.writing() as connection:
            deleted = BOOKMARK_ID.fullmatch(id) and connection.execute(delete(BOOKMARKS).where(BOOKMARKS.c.id == id))
            if not deleted or deleted.rowcount == 0:
                raise NotFound(f"There is no bookmark “{id[:40]}”.", "GET /api/bookmarks lists the existing ones.")
