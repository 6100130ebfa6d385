"""What a pickle's contents become here: plain values and passive records; none of them can do anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the file names. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Inert:
    """What the file wanted to make by calling something that is not known here: remembered, never made."""

    name: Name | None
    args: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: dict[Any, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Node:
    """A persistent object of NVIDIA's: its class's name, its source text (never run) and its attributes."""

    kind: str
    source: str
    state: dict[Any, Any]


@dataclass(slots=True, eq=False)
class Many:
    """A set's members in a list: hashing what a stranger nests could take for ever."""

    items: list[Any] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Storage:
    """A row of numbers of one kind (float32, bfloat16 ...); `data` is the file's own bytes, None until they are found
    where they lie behind the pickle.
    """

    kind: str
    numel: int
    data: memoryview | None = None


@dataclass(slots=True, eq=False)
class Tensor:
    """A view into a storage, checked when it is decoded."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(slots=True, eq=False)
class DType:
    """A numpy number type in the making: its kind and size, then its byte order."""

    code: str
    order: str = "="


@dataclass(slots=True, eq=False)
class Array:
    """A numpy array in the making, not yet decoded."""

    shape: tuple[int, ...] = ()
    dtype: DType | None = None
    fortran: bool = False
    data: bytes | memoryview = b""


def mapping(value: object) -> dict[Any, Any]:
    """The pairs of a plain or inert mapping, or an object's attributes; an empty one for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Node):
        return value.state
    if isinstance(value, Inert):
        return value.state if isinstance(value.state, dict) else value.pairs
    return {}


def modules(value: object, deepest: int, path: str = "") -> Iterator[tuple[str, object]]:
    """A module and all modules inside it, with their dotted paths; what is nested deeper than `deepest` is left out."""
    yield path, value
    if deepest <= 0:
        return
    for name, child in mapping(mapping(value).get("_modules")).items():
        if isinstance(name, str) and child is not None:
            yield from modules(child, deepest - 1, f"{path}.{name}" if path else name)
