"""Messages between client and worker arrive unchanged, or are rejected."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sandbox.protocol import DTYPES, Message, ProtocolError, pack, receive


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
        [["float32", [True]]], [["float32", [1.5]]], ["float32"], None, [["uint8", [0, 2**39, 2**39]]],
        [["uint8", [2**39, 2**39, 0]]], [["float64", [2**30, 2**30, 0]]], [[["uint8"], [1]]], [[{}, [1]]],
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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
SIDES = st.integers(0, 4) | st.sampled_from([0, 1, 2**31, 2**39, 2**40 - 1, -1]) | JSON
ROWS = st.lists(st.tuples(st.sampled_from([*DTYPES, "object", "U9"]) | JSON, st.lists(SIDES, max_size=9)), max_size=4)


@given(st.one_of(JSON, st.dictionaries(st.text(max_size=3), JSON, max_size=3)), ROWS | JSON, st.integers(0, 5))
def test_a_forged_answer_is_rejected_before_anything_of_its_size_is_allocated(
    body: object, rows: object, count: int
) -> None:
    text = json.dumps({"body": body, "arrays": rows}).encode()
    forged = memoryview(struct.pack("<II", len(text), count) + text + bytes(4096))
    requested = 0

    def read(size: int) -> bytes:
        nonlocal forged, requested
        requested += size
        if size > len(forged):
            raise EOFError
        part, forged = forged[:size], forged[size:]
        return bytes(part)

    try:
        message = receive(read, 1000)
    except ProtocolError:
        return
    finally:
        assert requested <= 8 + len(text) + 1000
    assert isinstance(message.body, dict)
    json.dumps(message.body, allow_nan=False, ensure_ascii=False).encode()
    assert sum(array.nbytes for array in message.arrays) <= 1000
    for array in message.arrays:
        array.copy().astype(np.float64).sum()  # an ordinary array, which NumPy computes with


def test_no_array_is_read_before_all_are_checked() -> None:
    text = json.dumps({"body": {}, "arrays": [["uint8", [900]], ["uint8", [101]]]}).encode()
    read = _reader(struct.pack("<II", len(text), 2) + text, most=8 + len(text))
    with pytest.raises(ProtocolError, match="more numbers"):
        receive(read, 1000)


@pytest.mark.parametrize(
    "text",
    [
        b'{"body": {"a": NaN}, "arrays": []}', b'{"body": {"a": 1e999}, "arrays": []}', b"[]", b'{"body": {}}',
        b'{"body": {"a": "\\ud800"}, "arrays": []}', b'{"body": {}, "arrays": [], "more": 1}', b"[" * 100_000,
        b'{"body": {"a": ' + b"1" * 5000 + b'}, "arrays": []}', '{"body": {}, "arrays": []}'.encode("utf-16"),
    ],
)  # fmt: skip
def test_json_that_no_worker_of_ours_writes_is_rejected(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        receive(_reader(struct.pack("<II", len(text), 0) + text), 1000)


def test_a_truth_value_is_true_or_false() -> None:
    text = json.dumps({"body": {}, "arrays": [["bool", [1]]]}).encode()
    with pytest.raises(ProtocolError):
        receive(_reader(struct.pack("<II", len(text), 1) + text + b"\x02"), 1000)


def _reader(data: bytes, most: int = 10**6) -> Callable[[int], bytes]:
    rest = memoryview(data)

    def read(count: int) -> bytes:
        nonlocal rest, most
        most -= count
        assert most >= 0, "more was read than may be"
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    return read
