"""What passes through the bars: JSON and arrays, framed by their lengths, with limits on both sides."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

HEAD = struct.Struct("<II")  # bytes of JSON, number of arrays
LARGEST_JSON = 4 * 2**20
MOST_ARRAYS = 64
OUT_OF_MEMORY = 75  # how the locked-in process ends where a message does not fit into it
REFUSED = "Refused"  # the kind of an error that is a task's own refusal; its text is a sentence of ours
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int64", "bool")

Read = Callable[[int], bytes | bytearray]


class ProtocolError(Exception):
    """What came is not a message, or too much of one."""


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
    views = (row.reshape(-1).data for row in rows)  # joined without a copy of each before: a file may be large
    return b"".join([HEAD.pack(len(text), len(rows)), text, *views])


def receive(read: Read, most: int) -> Message:
    """The next message from `read(count)`, which gives exactly so many bytes; arrays of at most `most` bytes in all.

    Garbled where the bytes are no message. Nothing that they say is believed before it is checked.
    """
    length, count = HEAD.unpack(read(HEAD.size))
    if length > LARGEST_JSON or count > MOST_ARRAYS:
        raise ProtocolError("a message that is too long")
    try:
        told = json.loads(read(length))
        body, shapes = told["body"], told["arrays"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProtocolError("a message that cannot be read") from None
    if not isinstance(body, dict) or not isinstance(shapes, list) or len(shapes) != count:
        raise ProtocolError("a message of the wrong shape")
    arrays = []
    for dtype, shape in (_checked(row) for row in shapes):
        size = math.prod(shape) * dtype.itemsize
        most -= size
        if most < 0:
            raise ProtocolError("more numbers than are allowed")
        arrays.append(np.frombuffer(read(size), dtype).reshape(shape))
    return Message(body, arrays)


def _checked(row: object) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if not isinstance(row, list) or len(row) != 2 or row[0] not in DTYPES or not isinstance(row[1], list):
        raise ProtocolError("an array of an unknown kind")
    shape = row[1]
    if len(shape) > 8 or not all(type(side) is int and 0 <= side < 2**40 for side in shape):
        raise ProtocolError("an array of an impossible shape")
    return np.dtype(row[0]), tuple(shape)
