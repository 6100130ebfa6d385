"""Tensors and arrays from the bytes of a stranger's file: every offset, stride and size is checked before use."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.records import Array, DType, Tensor

KINDS = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64", "Int": "int32",
    "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool", "Untyped": "uint8",
}  # fmt: skip
CODES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
MOST_SIDES = 8
CUT = "It may be cut off: fetch it again."


def width(kind: str) -> int:
    """Bytes of one number."""
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def tensor(value: Tensor, budget: Budget) -> np.ndarray[Any, Any]:
    """The numbers of a tensor, copied; bfloat16 becomes float32. Refused where it reaches beyond its storage."""
    count = math.prod(value.shape)
    budget.decode(count)
    storage = value.storage
    last = value.offset + sum((side - 1) * step for side, step in zip(value.shape, value.stride, strict=True))
    if count and last >= storage.numel:
        raise FileRefused("One of its tensors reaches beyond the numbers stored for it.")
    if storage.data is None or len(storage.data) < storage.numel * width(storage.kind):
        raise FileRefused("The numbers of one of its tensors are missing.", CUT)
    raw = np.dtype("<u2") if storage.kind == "bfloat16" else np.dtype(storage.kind).newbyteorder("<")
    flat = np.frombuffer(storage.data, raw, storage.numel)
    if not count:
        return np.zeros(value.shape, raw)
    bytes_apart = tuple(step * raw.itemsize for step in value.stride)
    view = np.lib.stride_tricks.as_strided(flat[value.offset :], value.shape, bytes_apart, writeable=False)
    if storage.kind == "bfloat16":
        return (np.ascontiguousarray(view).astype(np.uint32) << 16).view(np.float32)
    return np.array(view, raw.newbyteorder("="), order="C")


def array(value: Array, budget: Budget) -> np.ndarray[Any, Any]:
    """A numpy array's numbers, copied. Refused where its bytes are not as many as its shape says."""
    kind = dtype(value.dtype)
    count = math.prod(value.shape)
    budget.decode(count)
    if count * kind.itemsize != len(value.data):
        raise FileRefused("One of its arrays has another size than its shape says.")
    flat = np.frombuffer(value.data, kind)
    return np.array(flat.reshape(value.shape, order="F" if value.fortran else "C"), kind.newbyteorder("="), order="C")


def dtype(value: DType | None) -> np.dtype[Any]:
    """The number type itself; Refused for objects, texts, dates and records."""
    if value is None or value.code not in CODES or value.order not in ("<", ">", "=", "|"):
        raise FileRefused("One of its arrays does not hold numbers.")
    return np.dtype(value.order + value.code)


def sides(value: object) -> tuple[int, ...]:
    """A shape or stride: at most eight whole numbers from zero."""
    if not isinstance(value, tuple | list) or len(value) > MOST_SIDES:
        raise FileRefused("One of its tensors has a shape that is none.")
    if not all(type(side) is int and 0 <= side < 2**40 for side in value):
        raise FileRefused("One of its tensors has a shape or stride that cannot be.")
    return tuple(value)
