"""What long learning has reached so far, so that it can go on from there: named stages of tensors and facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """One stage at one moment: tensors by name, and facts that JSON can hold."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class ResumeState:
    """A memory that lasts as long as this object; `server/jobs/checkpoints.py` has one that outlives the process."""

    def __init__(self) -> None:
        self.stages: dict[str, Saved] = {}
        self.before = 0.0
        self._since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long the work has run, in this and in earlier sittings."""
        return self.before + time.perf_counter() - self._since

    def get(self, stage: str) -> Saved | None:
        """What was last saved of a stage."""
        return self.stages.get(stage)

    def put(self, stage: str, saved: Saved) -> None:
        """Remember a stage in the place of what was known of it."""
        self.stages[stage] = saved

    def fact(self, stage: str, find: Callable[[], Any]) -> Any:
        """What was found before, else what is found now: for choices that the clock decides."""
        saved = self.get(stage)
        if saved is None:
            saved = Saved({}, {"found": find()})
            self.put(stage, saved)
        return saved.facts["found"]
