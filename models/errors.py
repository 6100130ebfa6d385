"""The one tree of errors that Latentwalk raises for people to read; every layer raises and catches these classes.

LatentwalkError
├── NotFound                no generator, direction, job or file has this name
├── Invalid                 the request, a value or a file cannot be accepted
│   └── FileRefused         a checkpoint's bytes break a rule of the readers (models.importing.limits)
├── Conflict                the request clashes with something that exists already
├── Forbidden               the caller lacks the permission
├── TooMuch                 the caller exceeded their own rate or quota
├── Overloaded              the server has too much queued for anyone
├── ModelFailed             a model could not be fetched, loaded or run
│   └── SandboxError        sandboxed code broke a rule, failed or timed out (models.sandbox.client)
│       ├── SandboxTimeout      the sandboxed code took longer than it may
│       ├── SandboxUnavailable  this system cannot start or lock a sandbox
│       ├── SandboxRefused      the sandboxed task does not take the file
│       └── SandboxTaskFailed   the sandboxed task raised an unexpected error
├── StorageFailed           the disk refused to read or write
│   ├── DiskFull            no space is left
│   └── Damaged             the stored bytes are not the ones that were written
└── Cancelled               the caller stopped the work

HTTP maps each class to a status code (server.api.error_responses); a command prints the message and the hint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = [
    "Cancelled",
    "Conflict",
    "Damaged",
    "DiskFull",
    "Forbidden",
    "Invalid",
    "LatentwalkError",
    "ModelFailed",
    "NotFound",
    "Overloaded",
    "StorageFailed",
    "TooMuch",
    "first_problem",
    "os_reason",
    "refusal",
    "too_much",
    "unreadable",
]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class LatentwalkError(Exception):
    """Base of all errors. `str(error)` is the message, `hint` says what to do next, `code` is for programs."""

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        # Messages quote untrusted text, and half of a surrogate pair in them could not be sent to anybody.
        super().__init__(_encodable(message))
        self.hint = _encodable(hint)

    def view(self) -> dict[str, str]:
        """The error as JSON: `code`, `message` and `hint`."""
        return {"code": self.code, "message": str(self), "hint": self.hint}


class NotFound(LatentwalkError):
    """Nothing has this name or address."""

    code = "not_found"


class Invalid(LatentwalkError):
    """The request, a value in it or a file cannot be accepted."""

    code = "invalid"


class Conflict(LatentwalkError):
    """The request is valid but clashes with something that exists already."""

    code = "conflict"


class Forbidden(LatentwalkError):
    """The caller lacks the permission."""

    code = "forbidden"


class TooMuch(LatentwalkError):
    """The caller exceeded their own rate or quota; retry after `seconds`."""

    code = "too_much"

    def __init__(self, message: str, hint: str = "", seconds: int = 1) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class Overloaded(LatentwalkError):
    """The server has too much queued already; retry later."""

    code = "overloaded"


class ModelFailed(LatentwalkError):
    """A model could not be fetched, loaded or run."""

    code = "model_failed"


class StorageFailed(LatentwalkError):
    """The disk refused to read or write."""

    code = "storage_failed"


class DiskFull(StorageFailed):
    """No space is left on the disk; the request can be repeated once there is."""

    code = "disk_full"


class Damaged(StorageFailed):
    """The stored bytes are not the ones that were written."""

    code = "damaged"


class Cancelled(LatentwalkError):
    """The caller stopped the work."""

    code = "cancelled"


def refusal(subject: str, error: LatentwalkError) -> Invalid:
    """`error` as the refusal of one named part of a request (a file, a keyframe): the message begins with it."""
    return Invalid(f"{subject}: {error}", error.hint)


def os_reason(error: OSError) -> str:
    """Why the operating system refused, in lower case without a full stop, to be put into a message."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def unreadable(path: str | Path, error: OSError) -> NotFound:
    """The error for a file that a person named and that cannot be opened or read."""
    return NotFound(f"{path} cannot be read: {os_reason(error)}.", "Check the path.")


def first_problem(problems: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Where and why validation failed first, from the `errors()` of a pydantic ValidationError.

    Returns the dotted path of the field, at most 80 characters and empty for the whole value, and the reason in lower
    case without a full stop, to be put into a message.
    """
    first = problems[0]
    path = ".".join(str(part) for part in first["loc"])[:80]
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return path, reason[:1].lower() + reason[1:]


def too_much(wait: float) -> TooMuch:
    """The error for a caller whose share is used up for another `wait` seconds."""
    seconds = math.ceil(wait)
    return TooMuch("You ask for too much at once.", f"Wait {seconds} s and try again.", seconds)
