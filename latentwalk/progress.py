"""Long work as a Python generator that yields Progress after each small chunk and returns its result.

The caller decides where a chunk runs (on the inference thread, between two frames), how progress is shown, and when to
stop: closing the generator cancels the work. Notebooks and commands run it with `finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from torch import Tensor

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """The state of work after a chunk.

    share     completed share, in [0, 1]
    message   what is being done
    detail    JSON for live displays; learning gives step, steps and loss, a list of at most 200 points
              [step, training, held out or None]
    strip     a new row of images, uint8 [H, W, 3], now and then
    remember  stores a checkpoint; where there is one, call it before continuing, not on the device's thread
    """

    share: float
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    strip: Tensor | None = None
    remember: Callable[[], None] | None = None


Work = Generator[Progress, None, Result]


def finish(work: Work[Result], report: Callable[[Progress], None] = lambda progress: None) -> Result:
    """Run work to its end on this thread, and return its result. `report` is called after each chunk."""
    while True:
        try:
            progress = next(work)
            if progress.remember is not None:
                progress.remember()
            report(progress)
        except StopIteration as done:
            result: Result = done.value
            return result


def scale_progress(work: Work[Result], low: float, high: float) -> Work[Result]:
    """Work as a part of longer work: its shares are scaled to [low, high]."""
    while True:
        try:
            progress = next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        share = low + (high - low) * progress.share
        yield replace(progress, share=share)
