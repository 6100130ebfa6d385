"""One piece of background work as people see it: its states, its progress and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

Kind = Literal["learn", "score", "judge", "discover", "invert", "pull", "export"]


class State(StrEnum):
    """A job's life: queued, running, paused while the disk is full, then one of four ends.

    `interrupted` is what a stopped server leaves of work that cannot be begun again.
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
        return self not in (State.QUEUED, State.RUNNING, State.PAUSED)


@dataclass(slots=True, eq=False)
class Job:
    """One piece of background work as people see it.

    `version` rises with every change, `strip_version` with every new picture. `person` is who started it, "" for
    nobody in particular; others are not told.
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


def now() -> str:
    """The time as ISO 8601 with microseconds, so that jobs sort by it."""
    return datetime.now(UTC).isoformat()
