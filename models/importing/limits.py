"""How much of a stranger's file is read before it is refused, and the refusal itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from models.errors import Invalid


class FileRefused(Invalid):
    """A file breaks a rule of the readers."""

    def __init__(self, message: str, hint: str = "Check the file and where it comes from.") -> None:
        # Both may quote the file and are shown on terminals and pages.
        super().__init__(printable(message), printable(hint))


def printable(text: str) -> str:
    """The text with a question mark for every sign that would not be shown, or that would change how others are."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts are of one pickle; bytes and seconds of a whole file."""

    file: int = 2 * 2**30
    opcodes: int = 3_000_000
    stack: int = 500_000  # values waiting at once
    marks: int = 1_000  # unfinished collections inside one another
    text: int = 64 * 2**20  # bytes of all strings and names together
    word: int = 16 * 2**20  # bytes of one string: the source text of a module is the longest
    digits: int = 512  # bytes of one whole number
    depth: int = 64  # modules and mappings inside one another, where they are walked
    tensors: int = 20_000
    numbers: int = 2**29  # in all tensors that are decoded
    members: int = 20_000  # files in an archive
    seconds: float = 60.0


@dataclass(slots=True)
class Budget:
    """What is left of the limits while one file is read; every reader of that file takes from the same one."""

    limits: Limits = field(default_factory=Limits)
    started: float = field(default_factory=time.monotonic)
    opcodes: int = 0
    text: int = 0
    numbers: int = 0

    def tick(self, opcodes: int) -> None:
        """Count instructions; Refused beyond the limit or out of time."""
        self.opcodes += opcodes
        if self.opcodes > self.limits.opcodes:
            raise FileRefused(f"It has over {self.limits.opcodes:,} instructions, more than any checkpoint needs.")
        if time.monotonic() - self.started > self.limits.seconds:
            raise FileRefused(f"Reading it took longer than {self.limits.seconds:g} seconds.")

    def words(self, count: int) -> None:
        """Count bytes of text."""
        self.text += count
        if count > self.limits.word or self.text > self.limits.text:
            raise FileRefused("It holds more text than any checkpoint needs.")

    def decode(self, count: int) -> None:
        """Count numbers of tensors that are about to be made."""
        self.numbers += count
        if self.numbers > self.limits.numbers:
            raise FileRefused(f"Its tensors hold over {self.limits.numbers:,} numbers.", "Use a smaller model.")
