"""An interpreter of pickle opcodes that works on plain values: it never imports, calls, opens or resolves anything.

Opcodes and their layouts are those of protocols 0 to 5 (Python's pickletools). Where a pickle would import or call
something, a `GlobalsProtocol` says which record stands for the result. Long byte strings stay views of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.records import GlobalName, OpaqueObject, SetRecord

MAX_COPIED = 256  # bytes; longer byte strings stay views
CHECK_INTERVAL = 4096  # opcodes between two checks of the limits
MAX_LINE = 4096  # bytes
MAX_NAME = 500  # characters of a module and a name together
STOP = ord(".")
KEY_TYPES = (str, bytes, int, GlobalName, type(None))
LARGEST_KEY = 2**60
MAX_MEMO = 2**24  # above any count of values, and small: indices of any size could be chosen to collide
CHECKED_PAIRS = 256  # pairs between two looks at the clock: integers may be chosen to collide in a hash table
INVALID = "The pickle is invalid"


class GlobalsProtocol(Protocol):
    """What globals, calls and persistent ids become. The methods are named after their counterparts in `pickle`."""

    def find_class(self, name: GlobalName) -> Any:
        """The value for a global. Raises FileRefused for one that no checkpoint needs."""

    def reduce(self, name: Any, args: Any) -> Any:
        """The value for the call of a global with `args`."""

    def build(self, target: Any, state: Any) -> None:
        """Set the state of an object."""

    def persistent_load(self, key: Any) -> Any:
        """The value for a persistent id."""


class PickleInterpreter:
    """One pickle in `data`, from byte `position` on, executed with one function per opcode.

    After `run`, `position` is the byte behind the pickle.
    """

    def __init__(
        self,
        data: memoryview,
        pickle_globals: GlobalsProtocol,
        budget: Budget,
        opcodes: Mapping[int, Opcode],
        position: int = 0,
    ) -> None:
        self.data, self.position, self.opcodes = data, position, opcodes
        self.pickle_globals, self.budget = pickle_globals, budget
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Execute the pickle and return its value. Raises FileRefused for every error in it."""
        try:
            return self._run()
        except (IndexError, struct.error, TypeError, KeyError, ValueError, OverflowError):
            self._fail("an instruction is malformed")
        except RecursionError:
            self._fail("values are nested too deeply")

    def _run(self) -> Any:
        limits = self.budget.limits
        count = 0
        while True:
            code = self.data[self.position] if self.position < len(self.data) else self._fail("it has no end")
            self.position += 1
            count += 1
            if count % CHECK_INTERVAL == 0:
                self.budget.count_opcodes(CHECK_INTERVAL)
                if len(self.stack) > limits.stack or len(self.memo) > limits.opcodes:
                    self._fail("it holds more values than any checkpoint needs")
            if code == STOP:
                self.budget.count_opcodes(count % CHECK_INTERVAL)
                return self.pop()
            opcode = self.opcodes.get(code)
            if opcode is None:
                self._fail(f"the instruction {code:#04x} is unknown")
            opcode(self)

    def _fail(self, reason: str) -> NoReturn:
        raise FileRefused(f"{INVALID}: {reason} (byte {self.position}).")

    def read_bytes(self, count: int) -> memoryview:
        """The next bytes of the file, as a view."""
        if count < 0 or count > len(self.data) - self.position:
            self._fail("a length exceeds the file")
        self.position += count
        return self.data[self.position - count : self.position]

    def read_struct(self, layout: str) -> Any:
        """The next number, in a layout of the `struct` module."""
        return struct.unpack(layout, self.read_bytes(struct.calcsize(layout)))[0]

    def read_line(self) -> bytes:
        """The bytes up to the next newline, which is skipped."""
        length = bytes(self.data[self.position : self.position + MAX_LINE]).find(b"\n")
        if length < 0:
            self._fail("a line has no end")
        return bytes(self.read_bytes(length + 1))[:-1]

    def read_text(self, count: int) -> str:
        """The next `count` bytes, decoded as UTF-8."""
        self.budget.count_text(count)
        return bytes(self.read_bytes(count)).decode("utf-8", "surrogatepass")

    def read_blob(self, count: int) -> bytes | memoryview:
        """The next `count` bytes: copied if they are few, else a view."""
        view = self.read_bytes(count)
        return bytes(view) if count <= MAX_COPIED else view

    def read_integer(self, count: int) -> int:
        """A signed little-endian integer of `count` bytes."""
        if count > self.budget.limits.digits:
            self._fail("an integer is too long")
        return int.from_bytes(self.read_bytes(count), "little", signed=True)

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the topmost value off the stack."""
        return self.stack.pop()

    def mark(self) -> None:
        """Begin a new stack above the present one."""
        if len(self.marks) >= self.budget.limits.marks:
            self._fail("values are nested too deeply")
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        """All values since the last mark, which is removed."""
        values, self.stack = self.stack, self.marks.pop()
        return values

    def memoize(self, index: int) -> None:
        """Remember the topmost value under `index`."""
        if not 0 <= index < MAX_MEMO:
            self._fail("a memo index is invalid")
        self.memo[index] = self.stack[-1]

    def extend(self, values: list[Any]) -> None:
        """Append values to the topmost object."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, OpaqueObject | SetRecord):
            target.items.extend(values)
        else:
            self._fail("values are appended to something that is no list")

    def set_items(self, flat: list[Any]) -> None:
        """Set the keys and values, given in turns, of the topmost object."""
        target = self.stack[-1]
        if isinstance(target, OpaqueObject):
            target = target.pairs
        if not isinstance(target, dict) or len(flat) % 2:
            self._fail("items are set on something that is no mapping")
        for number, (key, value) in enumerate(zip(flat[::2], flat[1::2], strict=True), 1):
            target[self._check_key(key)] = value
            if number % CHECKED_PAIRS == 0:
                self.budget.check_time()

    def _check_key(self, value: Any) -> Any:
        # Hashing nested values could take unbounded time.
        if not isinstance(value, KEY_TYPES) or (isinstance(value, int) and abs(value) > LARGEST_KEY):
            self._fail("the key of a mapping is neither text nor a number")
        return value

    def push_global(self, module: Any, name: Any) -> None:
        """Push what stands for the global `name` of `module`."""
        if not isinstance(module, str) or not isinstance(name, str) or len(module) + len(name) > MAX_NAME:
            self._fail("the name of a global is invalid")
        self.push(self.pickle_globals.find_class(GlobalName(module, name)))

    def push_call(self, callee: Any, args: Any) -> None:
        """Push what stands for the result of a call."""
        self.push(self.pickle_globals.reduce(callee, args))

    def build(self) -> None:
        """Pop a state and set it on the object below."""
        state = self.pop()
        self.pickle_globals.build(self.stack[-1], state)


Opcode = Callable[[PickleInterpreter], None]
