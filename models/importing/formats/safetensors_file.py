"""safetensors files, read with the limits of an untrusted file; the layout is huggingface.co/docs/safetensors."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.tensor_bytes import CUT_OFF, MAX_DIMENSIONS, MAX_SIDE, widen_bfloat16

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
MAX_HEADER = 16 * 2**20


def read(data: memoryview, budget: Budget) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    """The tensors by name, as views of the file (bfloat16 as float32 copies), and the file's metadata."""
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        raise FileRefused("The header of the safetensors file is larger than any checkpoint's.")
    try:
        header = json.loads(bytes(data[8 : 8 + length]))
        metadata = header.pop("__metadata__", {})
        rows = {name: (row["dtype"], tuple(row["shape"]), tuple(row["data_offsets"])) for name, row in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileRefused("The safetensors file is damaged.", CUT_OFF) from None
    if len(rows) > budget.limits.tensors:
        raise FileRefused(f"The file has over {budget.limits.tensors:,} tensors.")
    body = data[8 + length :]
    state = {name: _tensor(name, *row, body, budget) for name, row in rows.items()}
    _check_places([row[2] for row in rows.values()], len(body))
    texts = metadata.items() if isinstance(metadata, dict) else ()
    return state, {key: text for key, text in texts if isinstance(text, str)}


def _check_places(places: list[tuple[int, int]], size: int) -> None:
    # The format asks for tensors one after another: those that share bytes could stand for far more than the file.
    end = 0
    for start, stop in sorted(places):
        if start != end:
            raise FileRefused("The tensors of the safetensors file overlap, or leave gaps.", CUT_OFF)
        end = stop
    if end != size:
        raise FileRefused("The safetensors file has bytes that belong to no tensor.", CUT_OFF)


def _tensor(
    name: str, code: Any, shape: tuple[Any, ...], offsets: tuple[Any, ...], body: memoryview, budget: Budget
) -> np.ndarray[Any, Any]:
    if not isinstance(code, str) or code not in DTYPES or len(offsets) != 2 or len(shape) > MAX_DIMENSIONS:
        raise FileRefused(f"The dtype or shape of the tensor “{name[:100]}” is not supported.")
    if not all(type(number) is int and 0 <= number < MAX_SIDE for number in (*shape, *offsets)):
        raise FileRefused(f"The shape or place of the tensor “{name[:100]}” is invalid.")
    dtype, count, (start, end) = np.dtype(DTYPES[code]), math.prod(shape), offsets
    budget.count_numbers(count, 4 if code == "BF16" else 0)  # all others stay views
    if end - start != count * dtype.itemsize or end > len(body):
        raise FileRefused(f"The tensor “{name[:100]}” extends beyond the file.", CUT_OFF)
    array = np.frombuffer(body[start:end], dtype).reshape(shape)
    return widen_bfloat16(array) if code == "BF16" else array
