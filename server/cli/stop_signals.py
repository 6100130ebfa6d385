"""Stopping a command: what a scheduler or a container sends is treated as what a person types."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def treat_termination_as_interrupt() -> None:
    """Let SIGTERM raise KeyboardInterrupt, as SIGINT does: work is saved and unfinished files are removed.

    Slurm and containers send SIGTERM, and kill a while later. The server has handlers of its own.
    """
    if threading.current_thread() is threading.main_thread():  # only there can a handler be set
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
