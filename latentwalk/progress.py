"""How long work is cut up: a Python generator that yields Progress after each small chunk and returns its result.

Whoever drives it decides where a chunk runs (the inference thread, between two frames), how it is shown, and when
to stop: closing the generator is cancelling. A notebook drives it with `finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from torch import Tensor

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where the work is: `share` in [0, 1], a sentence, live data for a panel, and now and then a picture.

    `detail` is JSON; learning gives step, steps and loss, a list of [step, training, held out or None] of at
    most 200 points. `strip` is a row of pictures, uint8 [H, W, 3], when there is a new one. `remember`, where there
    is one, must be called before the work goes on, off the device's thread: it writes down how far the work came.
    """

    share: float
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    strip: Tensor | None = None
    remember: Callable[[], None] | None = None


Work = Generator[Progress, None, Result]


def finish(work: Work[Result], report: Callable[[Progress], None] = lambda progress: None) -> Result:
    """Run work to its end here and now, reporting each chunk."""
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
    """The same work as a part of something longer: its shares squeezed into [low, high]."""
    while True:
        try:
            progress = next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        share = low + (high - low) * progress.share
        yield replace(progress, share=share)
