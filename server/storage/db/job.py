"""A background job as users see it: its state, its progress and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

Kind = Literal["learn", "score", "judge", "discover", "invert", "pull", "export"]


class State(StrEnum):
    """The state of a job: queued, running, paused while the disk is full, then one of four final states.

    `interrupted` is the final state of work that a stopped server left and that cannot be restarted.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_end(self) -> bool:
        """True for a final state."""
        return self not in (State.QUEUED, State.RUNNING, State.PAUSED)


@dataclass(slots=True, eq=False)
class Job:
    """A background job as users see it.

    `version` increases with every change, `strip_version` with every new preview strip. `person` started it ("" for
    an anonymous user) and is not shown to others. `place` is that of a waiting job in its queue (1: the next). Times
    are ISO 8601; `eta_s` is in seconds.
    """

    id: str
    kind: str
    title: str
    state: State = State.QUEUED
    progress: float = 0.0
    message: str = "Waiting"
    eta_s: float | None = None
    created: str = ""
    started: str | None = None
    finished: str | None = None
    error: dict[str, str] | None = None
    result: dict[str, Any] | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    strip_version: int = 0
    person: str = ""
    place: int | None = None


def now() -> str:
    """The current time as ISO 8601 with microseconds, so that jobs sort by it."""
    return datetime.now(UTC).isoformat()
