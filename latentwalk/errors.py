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
    refusal,
    too_much,
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
    "refusal",
    "too_much",
]
