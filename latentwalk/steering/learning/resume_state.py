"""What an interrupted computation needs to continue: named stages of tensors and JSON facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class SavedStage:
    """One stage of the work at one moment: tensors by name, and facts that JSON can represent."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class ResumeState:
    """Stages held in memory; `server/jobs/checkpoints.py` has a subclass that also writes them to disk."""

    def __init__(self) -> None:
        self.stages: dict[str, SavedStage] = {}
        self.earlier_seconds = 0.0
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds of work so far, those of earlier, interrupted runs included."""
        return self.earlier_seconds + time.perf_counter() - self._start

    def get(self, stage: str) -> SavedStage | None:
        """The last saved version of a stage, or None."""
        return self.stages.get(stage)

    def put(self, stage: str, saved: SavedStage) -> None:
        """Save a stage, replacing its earlier version."""
        self.stages[stage] = saved

    def decide_once(self, stage: str, decide: Callable[[], Any]) -> Any:
        """The saved decision of a stage, or else a new one from `decide`, which is saved.

        For decisions that depend on timing: a resumed run must repeat those of the interrupted one.
        """
        saved = self.get(stage)
        if saved is None:
            saved = SavedStage({}, {"found": decide()})
            self.put(stage, saved)
        return saved.facts["found"]
