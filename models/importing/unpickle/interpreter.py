"""A pickle's instructions carried out on plain values: nothing is imported, called, opened or looked up.

Instruction codes and layouts are those of protocols 0 to 5 (Python's pickletools). Where a pickle would call something,
the `GlobalsProtocol` is asked what record that becomes. Long byte strings stay views of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.records import Inert, Many, Name

SHORT = 256  # bytes; what is longer is not copied
STEP = 4096  # instructions between two looks at the clock
STOP = ord(".")
KEYS = (str, bytes, int, Name, type(None))
LARGEST_KEY = 2**60
PICKLE = "It is no pickle that a checkpoint is made of"


class GlobalsProtocol(Protocol):
    """What names, calls and persistent ids become."""

    def named(self, name: Name) -> Any:
        """What stands for a global; Refused for one that has no place in a checkpoint."""

    def made(self, name: Any, args: Any) -> Any:
        """What stands for a call."""

    def stated(self, target: Any, state: Any) -> None:
        """Give an object its state."""

    def found(self, key: Any) -> Any:
        """What a persistent id stands for."""


class PickleInterpreter:
    """One pickle, run from `start` in `data` by the table `steps`; afterwards `end` is the place behind it."""

    def __init__(
        self, data: memoryview, vocabulary: GlobalsProtocol, budget: Budget, steps: Mapping[int, Step], start: int = 0
    ) -> None:
        self.data, self.at, self.end, self.steps = data, start, start, steps
        self.vocabulary, self.budget = vocabulary, budget
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value the pickle holds; Refused, with a sentence, for whatever is wrong with it."""
        try:
            return self._run()
        except (IndexError, struct.error, TypeError, KeyError, ValueError, OverflowError):
            self._broken("an instruction that makes no sense")
        except RecursionError:
            self._broken("too much inside one another")

    def _run(self) -> Any:
        limits = self.budget.limits
        count = 0
        while True:
            code = self.data[self.at] if self.at < len(self.data) else self._broken("no end")
            self.at += 1
            count += 1
            if count % STEP == 0:
                self.budget.tick(STEP)
                if len(self.stack) > limits.stack or len(self.memo) > limits.opcodes:
                    self._broken("a list of more things than any checkpoint needs")
            if code == STOP:
                self.budget.tick(count % STEP)
                self.end = self.at
                return self.pop()
            step = self.steps.get(code)
            if step is None:
                self._broken(f"the instruction {code:#04x}, which no checkpoint needs")
            step(self)

    def _broken(self, what: str) -> NoReturn:
        raise FileRefused(f"{PICKLE}: it has {what} at byte {self.at}.")

    def take(self, count: int) -> memoryview:
        """The next bytes of the file, as a view."""
        if count < 0 or count > len(self.data) - self.at:
            self._broken("a length beyond its own end")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> bytes:
        """Text up to the next line's end."""
        longest = 4096
        found = bytes(self.data[self.at : self.at + longest]).find(b"\n")
        if found < 0:
            self._broken("a line without an end")
        return bytes(self.take(found + 1))[:-1]

    def text(self, count: int) -> str:
        self.budget.words(count)
        return bytes(self.take(count)).decode("utf-8", "surrogatepass")

    def blob(self, count: int) -> bytes | memoryview:
        view = self.take(count)
        return bytes(view) if count <= SHORT else view

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        return self.stack.pop()

    def mark(self) -> None:
        if len(self.marks) >= self.budget.limits.marks:
            self._broken("too much inside one another")
        self.marks.append(self.stack)
        self.stack = []

    def since(self) -> list[Any]:
        """Everything since the last mark, which is taken away."""
        found, self.stack = self.stack, self.marks.pop()
        return found

    def put(self, place: int) -> None:
        if place < 0 or place > 2**32:
            self._broken("a place in its memory that cannot be")
        self.memo[place] = self.stack[-1]

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Inert | Many):
            target.items.extend(values)
        else:
            self._broken("an addition to what is no list")

    def assign(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Inert):
            target = target.pairs
        if not isinstance(target, dict) or len(flat) % 2:
            self._broken("an addition to what is no mapping")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            target[self.key(key)] = value

    def key(self, value: Any) -> Any:
        """A mapping's key, a word or a number. Hashing what is nested, or numbers chosen to collide, could take for
        ever.
        """
        if not isinstance(value, KEYS) or (isinstance(value, int) and abs(value) > LARGEST_KEY):
            self._broken("a mapping whose key is neither a word nor a number")
        return value

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or len(module) + len(name) > 500:
            self._broken("a name that is none")
        self.push(self.vocabulary.named(Name(module, name)))

    def call(self, what: Any, args: Any) -> None:
        self.push(self.vocabulary.made(what, args))

    def build(self) -> None:
        state = self.pop()
        self.vocabulary.stated(self.stack[-1], state)

    def whole(self, count: int) -> int:
        if count > self.budget.limits.digits:
            self._broken("a number too long to be one")
        return int.from_bytes(self.take(count), "little", signed=True)


Step = Callable[[PickleInterpreter], None]
