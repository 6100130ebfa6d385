"""The inputs of an ONNX generator: which is z, the class or the truncation, and what each is given for a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Role = Literal["z", "weights", "label", "psi", "constant"]
ROLES: tuple[str, ...] = get_args(Role)
DTYPES = ("float32", "float16", "float64", "int32", "int64")

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class GraphInput:
    """An input of a graph: `role` says what it is given, `dtype` and `shape` how; sides that are open are None.

    z is [N, D] or [N, D, 1, 1]; weights are class weights [N, K]; label is the number of a class, and psi the
    truncation: one for each image, or one for all where the shape has no open side. A constant is 1.
    """

    name: str
    role: Role
    dtype: str
    shape: tuple[int | None, ...]

    def value(self, z: Array, classes: Array | None, psi: Array) -> Array:
        """What the input is given for z [N, D], class weights [N, K] and truncations [N]."""
        count = len(z)
        if self.role == "z":
            return z.astype(self.dtype).reshape(count, z.shape[1], *[1] * (len(self.shape) - 2))
        if self.role == "psi":
            return self._per_image(psi)
        if self.role == "constant":
            return self._per_image(np.ones(count))
        if classes is None:
            raise ValueError("no class weights")
        return classes.astype(self.dtype) if self.role == "weights" else self._per_image(classes.argmax(1))

    @property
    def is_shared(self) -> bool:
        """Whether one value holds for all images of a call."""
        return self.role in ("label", "psi", "constant") and (not self.shape or self.shape[0] == 1)

    def _per_image(self, values: Array) -> Array:
        values = values[:1] if self.is_shared else values
        return values.astype(self.dtype).reshape([len(values) if n == 0 else 1 for n in range(len(self.shape))])


def pack(inputs: Sequence[GraphInput]) -> Array:
    """The inputs as bytes, to be stored with the graph."""
    rows = [[one.name, one.role, one.dtype, one.shape] for one in inputs]
    return np.frombuffer(json.dumps(rows).encode(), np.uint8).copy()


def unpack(data: bytes) -> tuple[GraphInput, ...]:
    """The inputs in stored bytes. ValueError or TypeError if they are damaged."""
    inputs = []
    for name, role, dtype, shape in json.loads(data):
        if role not in ROLES or dtype not in DTYPES:
            raise ValueError("unknown role or dtype")
        inputs.append(GraphInput(str(name), role, dtype, tuple(None if side is None else int(side) for side in shape)))
    return tuple(inputs)
