"""What a pickle's contents become: plain values and passive records without behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.importing.limits import Budget, FileRefused


@dataclass(frozen=True, slots=True)
class GlobalName:
    """A class or function that the file refers to by name. It is never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class OpaqueObject:
    """The record of a call that was not made, because nothing here knows its callable: all that it was given."""

    name: GlobalName | None
    args: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: dict[Any, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class ModuleRecord:
    """A module of NVIDIA's `torch_utils.persistence`: its class name, its source text (never run), its attributes."""

    class_name: str
    source: str
    state: dict[Any, Any]


@dataclass(slots=True, eq=False)
class SetRecord:
    """A set's members as a list: hashing nested values of an untrusted file could take unbounded time."""

    items: list[Any] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class StorageRecord:
    """`numel` numbers of one dtype (float32, bfloat16 ...). `data` is a view of the file, None until it is located: in
    PyTorch's legacy format it lies behind the pickle.
    """

    dtype: str
    numel: int
    data: memoryview | None = None


@dataclass(slots=True, eq=False)
class TensorRecord:
    """A strided view into a storage, in elements. It is checked when it is decoded."""

    storage: StorageRecord
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(slots=True, eq=False)
class DTypeRecord:
    """A NumPy dtype: its code, such as "f4", and its byte order, which the pickle sets after it made the dtype."""

    code: str
    order: str = "="


@dataclass(slots=True, eq=False)
class ArrayRecord:
    """A NumPy array that is not decoded yet; the pickle sets its fields after it made the array."""

    shape: tuple[int, ...] = ()
    dtype: DTypeRecord | None = None
    fortran: bool = False
    data: bytes | memoryview = b""


def mapping(value: object) -> dict[Any, Any]:
    """The items of a mapping, or the attributes of an object; an empty dictionary for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, ModuleRecord):
        return value.state
    if isinstance(value, OpaqueObject):
        return value.state if isinstance(value.state, dict) else value.pairs
    return {}


def modules(value: object, budget: Budget, max_depth: int = 0, path: str = "") -> Iterator[tuple[str, object]]:
    """A module and its submodules with their dotted paths; those nested deeper than `max_depth` are left out.

    `max_depth` is 0 for the depth that the budget allows. Modules may share their parts, so that the walk is far longer
    than the file: every entry is counted.
    """
    yield path, value
    depth = max_depth or budget.limits.depth
    if depth <= 1:
        return
    children = mapping(mapping(value).get("_modules"))
    budget.count_opcodes(1 + len(children))
    for name, child in children.items():
        if isinstance(name, str) and child is not None:
            yield from modules(child, budget, depth - 1, joined(path, name, budget))


def joined(path: str, name: str, budget: Budget) -> str:
    """A dotted path with one more name. Raises FileRefused for a longer one than any network has."""
    if len(path) + len(name) > budget.limits.name:
        raise FileRefused(f"The name of a module or tensor is longer than {budget.limits.name:,} characters.")
    return f"{path}.{name}" if path else name
