"""Long computations as Python generators that yield Progress between small chunks and return their result.

The caller decides where each chunk runs (for example on the inference thread, between two frames), how progress is
shown and when to stop: closing the generator cancels the work. In a notebook, `finish` runs it to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from torch import Tensor

Result = TypeVar("Result")
Converted = TypeVar("Converted")


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """One progress report: the completed `share` in [0, 1] and a message for people.

    `detail` is JSON for the job's page. Learning reports `step`, `steps` and `loss`, a list of at most 200 rows
    [step, training loss, validation loss or None]. `strip` is a new row of preview images, uint8 [H, W, 3], or None.
    If `save_checkpoint` is not None, the caller must call it before it resumes the work, on a thread other than the
    device's: it stores how far the work has come.
    """

    share: float
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    strip: Tensor | None = None
    save_checkpoint: Callable[[], None] | None = None


Work = Generator[Progress, None, Result]


def finish(work: Work[Result], report: Callable[[Progress], None] = lambda progress: None) -> Result:
    """Run work to its end in the calling thread and return its result; `report` receives every Progress."""
    while True:
        try:
            progress = next(work)
            if progress.save_checkpoint is not None:
                progress.save_checkpoint()
            report(progress)
        except StopIteration as stop:
            result: Result = stop.value
            return result


def scale_progress(work: Work[Result], low: float, high: float) -> Work[Result]:
    """The same work as one part of a longer one: its shares are mapped linearly to [low, high]."""
    while True:
        try:
            progress = next(work)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        share = low + (high - low) * progress.share
        yield replace(progress, share=share)


def map_result(work: Work[Result], convert: Callable[[Result], Converted]) -> Work[Converted]:
    """The same work with its result passed through `convert`, for example to turn a value into JSON."""
    return convert((yield from work))
