"""Every error a person may meet: one small tree, each text a sentence, each hint what to do next.

AppError
  NotFound      there is no such generator, direction, job or export
  Invalid       the request says something that cannot be
  Conflict      it could be, but not beside what is there already
  Forbidden     whoever asks may not do that
  TooMuch       one person asks for more than their share
  Overloaded    too much is waiting; try again
  ModelFailed   a model could not be fetched, read or run
  StorageFailed the disk refused (read only, broken)
    DiskFull    it has no room
    Damaged     what it gives back is not what was kept
  Cancelled     someone pressed stop
"""

from __future__ import annotations

import math


class AppError(Exception):
    """Base of all errors meant for people. `str(error)` is the sentence, `hint` the advice, `code` for programs."""

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def view(self) -> dict[str, str]:
        """The one shape errors have everywhere: code, message, hint."""
        return {"code": self.code, "message": str(self), "hint": self.hint}


class NotFound(AppError):
    """There is no such thing here."""

    code = "not_found"


class Invalid(AppError):
    """The request says something that cannot be."""

    code = "invalid"


class Conflict(AppError):
    """The request makes sense, but not beside what is already there."""

    code = "conflict"


class Forbidden(AppError):
    """Whoever asks may not do that."""

    code = "forbidden"


class TooMuch(AppError):
    """One person asks for more than their share; in `seconds` there will be room again."""

    code = "too_much"

    def __init__(self, message: str, hint: str = "", seconds: int = 1) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


def too_much(wait: float) -> TooMuch:
    """What somebody hears whose share is used up for another `wait` seconds."""
    seconds = math.ceil(wait)
    return TooMuch("You ask for too much at once.", f"Wait {seconds} s and try again.", seconds)


class Overloaded(AppError):
    """Too much is waiting already."""

    code = "overloaded"


class ModelFailed(AppError):
    """A model could not be fetched, read or run."""

    code = "model_failed"


class StorageFailed(AppError):
    """The disk refused to keep something."""

    code = "storage_failed"


class DiskFull(StorageFailed):
    """The disk has no room; what asked may go on once it has."""

    code = "disk_full"


class Damaged(StorageFailed):
    """What is on the disk is not what was kept there."""

    code = "damaged"


class Cancelled(AppError):
    """Somebody asked for this to stop."""

    code = "cancelled"
