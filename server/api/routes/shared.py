"""Shared states and bookmarks: an edit or a timeline under a short name."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from latentwalk import edit as edits
from latentwalk.errors import Invalid
from latentwalk.films import timeline
from server.api.dependencies import ServicesDep
from server.api.permissions import needs
from server.auth.roles import Role
from server.storage.db.bookmarks import LONGEST_TITLE, Bookmark, Kind, State

router = APIRouter(prefix="/api")


class Shared(BaseModel):
    """An edit or a timeline, one of the two."""

    model_config = ConfigDict(extra="forbid")

    edit: dict[str, Any] | None = None
    timeline: dict[str, Any] | None = None

    def canonical(self) -> tuple[Kind, str]:
        """What it is, and its canonical JSON."""
        if (self.edit is None) == (self.timeline is None):
            raise Invalid("Give an edit or a timeline, one of the two.", "Send what the page shows.")
        if self.edit is not None:
            return "edit", edits.canonical(edits.parse(self.edit))
        return "timeline", timeline.canonical(timeline.read(self.timeline))


class Marked(Shared):
    """The same, with a title."""

    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]


def shown(state: State) -> dict[str, Any]:
    """A state as JSON: the edit or timeline under its kind."""
    return {"id": state.id, "kind": state.kind, state.kind: json.loads(state.body), "created": state.created}


def marked(bookmark: Bookmark) -> dict[str, Any]:
    """A bookmark as JSON; `state` is the id that it is shared under."""
    state = shown(bookmark.state)
    return {**state, "id": bookmark.id, "state": bookmark.state.id, "title": bookmark.title,
            "created": bookmark.created}  # fmt: skip


@router.post("/states", status_code=201, dependencies=[needs(Role.VIEWER)])
def share(services: ServicesDep, wish: Shared) -> dict[str, Any]:
    """Give an edit or a timeline a short name; the same one has the same name."""
    return shown(services.shared_states.share(*wish.canonical()))


@router.get("/states/{id}")
def one_state(services: ServicesDep, id: str) -> dict[str, Any]:
    """What is shared under a name."""
    return shown(services.shared_states.find(id))


@router.get("/bookmarks")
def every_bookmark(services: ServicesDep) -> dict[str, Any]:
    """Every bookmark, newest first."""
    return {"bookmarks": [marked(one) for one in services.shared_states.marks()]}


@router.post("/bookmarks", status_code=201, dependencies=[needs(Role.EDITOR)])
def mark(services: ServicesDep, wish: Marked) -> dict[str, Any]:
    """Keep an edit or a timeline under a title."""
    return marked(services.shared_states.mark(wish.title, *wish.canonical()))


@router.delete("/bookmarks/{id}", status_code=204, dependencies=[needs(Role.EDITOR)])
def forget(services: ServicesDep, id: str) -> None:
    """Remove a bookmark; the state it names stays shared."""
    services.shared_states.forget(id)
