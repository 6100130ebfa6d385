"""Shared states and bookmarks: an edit or a timeline under a short id."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from latentwalk import edit as edits
from latentwalk.errors import Invalid
from latentwalk.films import timeline
from models.external_text import SingleLine
from server.api.dependencies import ServicesDep
from server.api.permissions import PersonDep, needs
from server.auth.roles import Role
from server.storage.db.bookmarks import LONGEST_TITLE, PAGE, Bookmark, Kind, State

router = APIRouter(prefix="/api")


class StateBody(BaseModel):
    """An edit or a timeline, exactly one of the two."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any] | None = None
    timeline: dict[str, Any] | None = None

    def canonical(self) -> tuple[Kind, str]:
        """Its kind, and its canonical JSON."""
        if (self.edit is None) == (self.timeline is None):
            raise Invalid("Give an edit or a timeline, exactly one of the two.", "Send what the page shows.")
        if self.edit is not None:
            return "edit", edits.canonical(edits.parse(self.edit))
        return "timeline", timeline.canonical(timeline.read(self.timeline))


class BookmarkBody(StateBody):
    """An edit or a timeline to bookmark under a title."""

    title: Annotated[SingleLine, Field(min_length=1, max_length=LONGEST_TITLE)]


def state_view(state: State) -> dict[str, Any]:
    """A state as JSON, with the edit or timeline under its kind."""
    return {"id": state.id, "kind": state.kind, state.kind: json.loads(state.body), "created": state.created}


def bookmark_view(bookmark: Bookmark) -> dict[str, Any]:
    """A bookmark as JSON; `state` is the id of the shared state that it points to."""
    return {
        **state_view(bookmark.state),
        "id": bookmark.id,
        "state": bookmark.state.id,
        "title": bookmark.title,
        "created": bookmark.created,
    }


@router.post("/states", status_code=201, dependencies=[needs(Role.VIEWER)])
def share(services: ServicesDep, person: PersonDep, body: StateBody) -> dict[str, Any]:
    """Store an edit or a timeline under a short id; equal ones get the same id."""
    return state_view(services.shared_states.share(*body.canonical(), person.account))


@router.get("/states/{id}")
def one_state(services: ServicesDep, id: str) -> dict[str, Any]:
    """The edit or timeline of an id."""
    return state_view(services.shared_states.find(id))


@router.get("/bookmarks")
def list_bookmarks(
    services: ServicesDep,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> dict[str, Any]:
    """A page of bookmarks, newest first; `next`, where there is one, is the `after` of the following page."""
    page = services.shared_states.page(after, limit)
    following = {} if page.next is None else {"next": page.next}
    return {"bookmarks": [bookmark_view(bookmark) for bookmark in page.bookmarks], **following}


@router.post("/bookmarks", status_code=201, dependencies=[needs(Role.EDITOR)])
def add_bookmark(services: ServicesDep, person: PersonDep, body: BookmarkBody) -> dict[str, Any]:
    """Bookmark an edit or a timeline under a title."""
    return bookmark_view(services.shared_states.mark(body.title, *body.canonical(), person.account))


@router.delete("/bookmarks/{id}", status_code=204, dependencies=[needs(Role.EDITOR)])
def remove_bookmark(services: ServicesDep, id: str) -> None:
    """Remove a bookmark; the state that it points to stays shared."""
    services.shared_states.forget(id)
