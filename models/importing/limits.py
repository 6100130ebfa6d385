"""How much of an untrusted file is read before it is refused, and the refusal itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from models.errors import Invalid


class FileRefused(Invalid):
    """A file breaks a rule of the readers. Message and hint hold printable characters only."""

    def __init__(self, message: str, hint: str = "Check the file and where it comes from.") -> None:
        # Both may quote the file, and are shown in terminals and on pages.
        super().__init__(printable(message), printable(hint))


def printable(text: str) -> str:
    """The text with a question mark in place of every control, formatting or otherwise invisible character."""
    return "".join(character if character.isprintable() else "?" for character in text)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one file may take. Stack and marks are counted per pickle, all else per file."""

    file: int = 2 * 2**30  # bytes
    opcodes: int = 3_000_000  # instructions, and entries of collections that are walked afterwards
    stack: int = 500_000  # values on a pickle's stack
    marks: int = 1_000  # nested, unfinished collections
    text: int = 64 * 2**20  # bytes of all strings and names together
    string: int = 16 * 2**20  # bytes of one string: the source text of a module is the longest
    digits: int = 512  # bytes of one integer
    depth: int = 64  # nested modules and mappings, where they are walked
    tensors: int = 20_000
    numbers: int = 2**29  # elements of all tensors that are decoded
    members: int = 20_000  # files in an archive
    name: int = 1_000  # characters of a module's or tensor's dotted name
    copies: int = 64 * 2**20  # bytes of decoded numbers and of copies, on top of `growth` times the file
    growth: int = 4  # half precision becomes float32, and a storage may be shared by a few tensors
    seconds: float = 60.0


@dataclass(slots=True)
class Budget:
    """What was used of the limits so far; every reader that works on one file counts in the same budget.

    `size` is the file's in bytes. Whatever the file may ask for again and again by reference (copies, conversions,
    walks) is counted each time, before it is done: a few bytes can name a large object often.
    """

    limits: Limits = field(default_factory=Limits)
    size: int = 0
    started: float = field(default_factory=time.monotonic)
    opcodes: int = 0
    text: int = 0
    numbers: int = 0
    copied: int = 0

    def count_opcodes(self, count: int) -> None:
        """Add executed opcodes, or entries that are walked. Raises FileRefused beyond the limit, or out of time."""
        self.opcodes += count
        if self.opcodes > self.limits.opcodes:
            raise FileRefused(f"The file has over {self.limits.opcodes:,} instructions: no checkpoint needs as many.")
        self.check_time()

    def check_time(self) -> None:
        """Raise FileRefused when the time is up. Every loop whose length the file decides asks now and then."""
        if time.monotonic() - self.started > self.limits.seconds:
            raise FileRefused(f"Reading the file took longer than {self.limits.seconds:g} seconds.")

    def count_copied(self, count: int) -> None:
        """Add the bytes of a copy before it is made. Raises FileRefused beyond what a file of this size may need."""
        self.copied += count
        if self.copied > self.limits.copies + self.limits.growth * self.size:
            raise FileRefused("The file unpacks to far more memory than its size explains: no checkpoint does.")
        self.check_time()

    def count_text(self, count: int) -> None:
        """Add the `count` bytes of one string. Raises FileRefused beyond either limit."""
        self.text += count
        if count > self.limits.string or self.text > self.limits.text:
            raise FileRefused("The file holds more text than any checkpoint needs.")

    def count_numbers(self, count: int, size: int) -> None:
        """Add a tensor's elements, of `size` bytes each, before it is decoded. Raises FileRefused beyond a limit."""
        self.numbers += count
        if self.numbers > self.limits.numbers:
            raise FileRefused(f"The tensors hold over {self.limits.numbers:,} numbers.", "Use a smaller model.")
        self.count_copied(count * size)
