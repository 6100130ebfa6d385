"""NumPy's .npy files: a header that is matched and never evaluated, then plain numbers."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.tensor_bytes import CUT_OFF, MAX_DIMENSIONS

HEADER = re.compile(
    r"\{'descr': '(?P<dtype>[<>|=](?:[iu][1248]|f[248]))', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[\d, ]*)\), ?\}\s*"
)
MAX_HEADER = 4096  # bytes


def read(data: memoryview, budget: Budget) -> np.ndarray[Any, Any]:
    """The array, as float32. Raises FileRefused for anything but plain numbers, objects above all."""
    if len(data) < 12 or data[6] not in (1, 2, 3):
        raise FileRefused("The NumPy file is damaged.", CUT_OFF)
    start = 10 if data[6] == 1 else 12
    end = start + int.from_bytes(data[8:start], "little")
    header = HEADER.fullmatch(bytes(data[start : min(end, start + MAX_HEADER)]).decode("latin1"))
    if header is None or end > len(data):
        raise FileRefused("The NumPy file does not hold plain numbers.", "Save the array again as float32.")
    sides = [side for side in header["shape"].replace(" ", "").split(",") if side]
    if len(sides) > MAX_DIMENSIONS or any(len(side) > 9 for side in sides):
        raise FileRefused("The shape of the NumPy array is invalid.")
    shape, dtype = tuple(map(int, sides)), np.dtype(header["dtype"])
    count = math.prod(shape)
    budget.count_numbers(count, 0 if dtype == np.float32 else 4)  # which stays a view
    if len(data) - end != count * dtype.itemsize:
        raise FileRefused("The size of the NumPy file does not match its shape.", CUT_OFF)
    array = np.frombuffer(data[end:], dtype).reshape(shape, order="F" if header["fortran"] == "True" else "C")
    return np.asarray(array, np.float32)
