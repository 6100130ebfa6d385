"""Tensors and arrays from the bytes of an untrusted file: every offset, stride and size is checked before use."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.records import ArrayRecord, DTypeRecord, TensorRecord

STORAGE_DTYPES = {  # by the first part of a torch storage class's name
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64", "Int": "int32",
    "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool", "Untyped": "uint8",
}  # fmt: skip
DTYPE_CODES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
MAX_DIMENSIONS = 8
MAX_SIDE = 2**40
CUT_OFF = "The file may be cut off: download it again."


def item_size(dtype: str) -> int:
    """The bytes of one number of a storage."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def decode_tensor(record: TensorRecord, budget: Budget) -> np.ndarray[Any, Any]:
    """A copy of a tensor's numbers; bfloat16 becomes float32. Raises FileRefused where it exceeds its storage."""
    count = math.prod(record.shape)
    storage = record.storage
    budget.count_numbers(count, 4 if storage.dtype == "bfloat16" else item_size(storage.dtype))
    last = record.offset + sum((side - 1) * step for side, step in zip(record.shape, record.stride, strict=True))
    if count and last >= storage.numel:
        raise FileRefused("A tensor extends beyond its storage.")
    if storage.data is None or len(storage.data) < storage.numel * item_size(storage.dtype):
        raise FileRefused("The numbers of a tensor are missing.", CUT_OFF)
    raw = np.dtype("<u2") if storage.dtype == "bfloat16" else np.dtype(storage.dtype).newbyteorder("<")
    flat = np.frombuffer(storage.data, raw, storage.numel)
    if not count:
        return np.zeros(record.shape, raw)
    strides = tuple(step * raw.itemsize for step in record.stride)
    view = np.lib.stride_tricks.as_strided(flat[record.offset :], record.shape, strides, writeable=False)
    if storage.dtype == "bfloat16":
        return widen_bfloat16(np.ascontiguousarray(view))
    return np.array(view, raw.newbyteorder("="), order="C")


def widen_bfloat16(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """bfloat16 as float32: the bits [any shape], uint16, are the upper half of a float32's."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def decode_array(record: ArrayRecord, budget: Budget) -> np.ndarray[Any, Any]:
    """A copy of a NumPy array's numbers. Raises FileRefused where its bytes do not match its shape."""
    dtype = decode_dtype(record.dtype)
    count = math.prod(record.shape)
    budget.count_numbers(count, dtype.itemsize)
    if count * dtype.itemsize != len(record.data):
        raise FileRefused("The size of an array does not match its shape.")
    flat = np.frombuffer(record.data, dtype).reshape(record.shape, order="F" if record.fortran else "C")
    return np.array(flat, dtype.newbyteorder("="), order="C")


def decode_dtype(record: DTypeRecord | None) -> np.dtype[Any]:
    """The NumPy dtype. Raises FileRefused for objects, text, dates and structured dtypes."""
    if record is None or record.code not in DTYPE_CODES or record.order not in ("<", ">", "=", "|"):
        raise FileRefused("An array does not hold numbers.")
    return np.dtype(record.order + record.code)


def check_shape(value: object) -> tuple[int, ...]:
    """A shape or stride, checked: at most MAX_DIMENSIONS non-negative integers."""
    if not isinstance(value, tuple | list) or len(value) > MAX_DIMENSIONS:
        raise FileRefused("The shape of a tensor is invalid.")
    if not all(type(side) is int and 0 <= side < MAX_SIDE for side in value):
        raise FileRefused("The shape or stride of a tensor is invalid.")
    return tuple(value)
