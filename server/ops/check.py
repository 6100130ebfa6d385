"""The result of one check of the installation or the home, as `latentwalk doctor` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["fine", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: what was examined, its state, what was found, and what to do if it is broken."""

    name: str
    state: State
    found: str
    hint: str = ""
