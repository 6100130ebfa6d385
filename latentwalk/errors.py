"""The errors that the library raises: `models.errors`, which draws the tree, under their public names."""

from __future__ import annotations

from models.errors import (
    Cancelled,
    Conflict,
    Damaged,
    DiskFull,
    Forbidden,
    Invalid,
    LatentwalkError,
    ModelFailed,
    NotFound,
    Overloaded,
    StorageFailed,
    TooMuch,
    first_problem,
    os_reason,
    refusal,
    too_much,
    unreadable,
)

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
