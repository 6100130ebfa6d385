"""Messages between client and worker arrive unchanged, or are rejected."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sandbox.protocol import Message, ProtocolError, pack, receive


@given(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=4),
    st.lists(st.sampled_from(["float32", "uint8", "int64"]), max_size=4),
)
def test_a_message_arrives_unchanged(body: dict[str, object], kinds: list[str]) -> None:
    arrays = [np.arange(6, dtype=kind).reshape(2, 3) for kind in kinds]
    arrays += [np.float32(3).reshape(()), np.zeros((2, 0), np.uint8), np.arange(6.0).reshape(2, 3).T]
    data = memoryview(pack(Message(body, arrays)))

    def read(count: int) -> bytes:
        nonlocal data
        part, data = data[:count], data[count:]
        return bytes(part)

    received = receive(read, 10**6)
    assert received.body == body
    assert all(
        one.shape == other.shape and np.array_equal(one, other)
        for one, other in zip(received.arrays, arrays, strict=True)
    )
    assert len(data) == 0


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_message_or_rejected(data: bytes) -> None:
    rest = memoryview(data)

    def read(count: int) -> bytes:
        nonlocal rest
        if count > len(rest):
            raise EOFError
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    try:
        receive(read, 1000)
    except (ProtocolError, EOFError):
        return


@pytest.mark.parametrize(
    "arrays",
    [
        [["float32", [2**39]]], [["float32", [-1]]], [["object", [1]]], [["float32", [1] * 9]], [["float32", 3]],
        [["float32", [True]]], [["float32", [1.5]]], ["float32"], None,
    ],
)  # fmt: skip
def test_impossible_arrays_are_rejected(arrays: object) -> None:
    text = json.dumps({"body": {}, "arrays": arrays}).encode()
    data = struct.pack("<II", len(text), len(arrays) if isinstance(arrays, list) else 0) + text
    rest = memoryview(data)

    def read(count: int) -> bytes:
        nonlocal rest
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    with pytest.raises(ProtocolError):
        receive(read, 1000)
