"""Gives the device to others while a computation waits for something else: a process, a file or the network.

One thread at a time uses a device. Whoever runs functions there says with `hold_device` how the device is given away
and taken back; code that waits, in any layer, puts its wait into `off_device`. On threads that hold no device that does
nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceTurn:
    """How a thread gives the device to another (`leave`), and waits until it has it again (`enter`)."""

    leave: Callable[[], None]
    enter: Callable[[], None]


class _State(threading.local):
    turn: DeviceTurn | None = None


_state = _State()


@contextlib.contextmanager
def hold_device(turn: DeviceTurn) -> Iterator[None]:
    """This thread holds a device during the block, and may give it away as `turn` says."""
    before, _state.turn = _state.turn, turn
    try:
        yield
    finally:
        _state.turn = before


@contextlib.contextmanager
def off_device() -> Iterator[None]:
    """Others may use the device during the block; this thread has it again after it.

    A lock that other work on the device takes must be taken inside the block, or not be held over it: whoever waits for
    it with the device in hand would wait for ever.
    """
    turn, _state.turn = _state.turn, None
    if turn is None:
        yield
        return
    turn.leave()
    try:
        yield
    finally:
        _state.turn = turn
        turn.enter()
