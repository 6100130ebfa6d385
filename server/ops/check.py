"""One finding about an installation or a home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["fine", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at and found; `hint` says what to do where it is broken."""

    name: str
    state: State
    found: str
    hint: str = ""
