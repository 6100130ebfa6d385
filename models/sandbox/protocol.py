"""The messages between client and worker: JSON and arrays, framed by their lengths, with limits on both sides."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

HEAD = struct.Struct("<II")  # bytes of JSON, number of arrays
MAX_JSON = 4 * 2**20
MAX_ARRAYS = 64
MAX_DIMENSIONS = 8
MAX_NUMBERS = 2**40  # in one array; the caller's limit in bytes is far lower
REFUSED = "refused"  # the kind of error that is a task's own refusal of a file: Invalid, with a message of ours
OUT_OF_MEMORY = 75  # exit status of a worker that has no memory for a message
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int64", "bool")

Read = Callable[[int], bytes | bytearray]


class ProtocolError(Exception):
    """The received bytes are not a message, or too large a one. The text completes "The worker returned ..."."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """A JSON object and arrays."""

    body: dict[str, Any]
    arrays: Sequence[np.ndarray] = field(default_factory=tuple)


def pack(message: Message) -> bytes:
    """The message as bytes."""
    rows = [np.asarray(array, order="C") for array in message.arrays]
    shapes = [[row.dtype.name, list(row.shape)] for row in rows]
    text = json.dumps({"body": message.body, "arrays": shapes}, allow_nan=False).encode()
    views = (row.reshape(-1).data for row in rows)  # joined without copying each first: a file may be large
    return b"".join([HEAD.pack(len(text), len(rows)), text, *views])


def receive(read: Read, max_bytes: int) -> Message:
    """The next message from `read(count)`, which returns exactly `count` bytes.

    Raises ProtocolError where the bytes are no message, or its arrays take over `max_bytes` in all. Nothing in it is
    used before it is checked.
    """
    length, count = HEAD.unpack(read(HEAD.size))
    if length > MAX_JSON or count > MAX_ARRAYS:
        raise ProtocolError("a message that is too long")
    try:
        envelope = json.loads(read(length).decode(), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise ProtocolError("a message that cannot be read") from None
    if not isinstance(envelope, dict) or envelope.keys() != {"body", "arrays"}:
        raise ProtocolError("a message of the wrong structure")
    body, rows = envelope["body"], envelope["arrays"]
    if not isinstance(body, dict) or not isinstance(rows, list) or len(rows) != count:
        raise ProtocolError("a message of the wrong structure")
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, which nothing can store or send
        raise ProtocolError("text that cannot be encoded") from None
    shapes = [_check_array(row) for row in rows]
    if sum(math.prod(shape) * dtype.itemsize for dtype, shape in shapes) > max_bytes:
        raise ProtocolError("more numbers than are allowed")
    return Message(body, [_read_array(read, dtype, shape) for dtype, shape in shapes])


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _read_array(read: Read, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    data = np.frombuffer(read(math.prod(shape) * dtype.itemsize), np.uint8)
    if dtype.kind == "b" and bool((data > 1).any()):
        raise ProtocolError("truth values that are neither true nor false")
    return data.view(dtype).reshape(shape)


def _check_array(row: object) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if (
        not isinstance(row, list)
        or len(row) != 2
        or not isinstance(row[0], str)
        or row[0] not in DTYPES
        or not isinstance(row[1], list)
    ):
        raise ProtocolError("an array of an unknown dtype")
    shape = row[1]
    if len(shape) > MAX_DIMENSIONS or not all(type(side) is int and 0 <= side < 2**40 for side in shape):
        raise ProtocolError("an array of an impossible shape")
    if math.prod(max(side, 1) for side in shape) > MAX_NUMBERS:  # NumPy counts so, even where a side is 0
        raise ProtocolError("an array of an impossible shape")
    return np.dtype(row[0]), tuple(shape)
