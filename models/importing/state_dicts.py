"""Flat states, name to numbers, out of what a checkpoint holds: plain dictionaries and modules inside modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.limits import Budget, FileRefused
from models.importing.passport import Weights
from models.importing.unpickle import tensor_bytes
from models.importing.unpickle.records import Array, Inert, Node, Tensor, mapping, modules

MOST_MODULES = 10_000
State = dict[str, np.ndarray[Any, Any]]


def flatten(value: object, budget: Budget) -> State:
    """The tensors of a state dict, or of a module and those inside it, by their dotted names.

    Refused where a tensor's place holds something that was not made.
    """
    if not isinstance(value, Node) and "_modules" not in mapping(value):
        return _decoded({str(name): part for name, part in mapping(value).items()}, budget)
    found: dict[str, object] = {}
    for number, (path, module) in enumerate(modules(value, budget.limits.depth)):
        if number > MOST_MODULES:
            raise FileRefused(f"It has over {MOST_MODULES:,} modules.")
        if not isinstance(module, Node | Inert):
            raise FileRefused(f"The module “{path[:100]}” is none.")
        left_out = set(_names(mapping(module).get("_non_persistent_buffers_set")))
        for kind in ("_parameters", "_buffers"):
            for name, part in mapping(mapping(module).get(kind)).items():
                if part is not None and name not in left_out:
                    found[f"{path}.{name}" if path else str(name)] = part
    return _decoded(found, budget)


def is_state(value: object) -> bool:
    """Whether it is a dictionary of tensors by name, and nothing else."""
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(isinstance(name, str) and isinstance(part, Tensor | Array | np.ndarray) for name, part in value.items())
    )


def float_tensors(state: Weights) -> State:
    """The state in float32; Refused where a number is none."""
    made = {}
    for name, array in state.items():
        made[name] = np.asarray(array, np.float32, order="C")
        if not np.isfinite(made[name]).all():
            raise FileRefused(f"The tensor “{name[:100]}” holds numbers that are not finite.", "Use another snapshot.")
    return made


def under_prefix(state: Weights, prefix: str) -> State:
    """The tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def take(state: Weights, name: str, *shape: int | None) -> np.ndarray[Any, Any]:
    """The tensor of that name and shape (None: any side); Refused where it is missing or of another."""
    array = state.get(name)
    if array is None:
        raise FileRefused(f"The tensor “{name[:100]}” is missing.", "It may be another network than it seems to be.")
    fits = array.ndim == len(shape) and all(want in (None, side) for want, side in zip(shape, array.shape, strict=True))
    if not fits:
        wanted = " x ".join("?" if side is None else str(side) for side in shape) or "one number"
        raise FileRefused(f"The tensor “{name[:100]}” has the shape {list(array.shape)}, and {wanted} was expected.")
    return array


def _names(value: object) -> list[object]:
    items = value if isinstance(value, list) else getattr(value, "items", [])
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def _decoded(found: Mapping[str, object], budget: Budget) -> State:
    if len(found) > budget.limits.tensors:
        raise FileRefused(f"It has over {budget.limits.tensors:,} tensors.")
    made: State = {}
    for name, part in found.items():
        if isinstance(part, Tensor):
            made[name] = tensor_bytes.tensor(part, budget)
        elif isinstance(part, Array):
            made[name] = tensor_bytes.array(part, budget)
        elif isinstance(part, np.ndarray):
            made[name] = part
        elif isinstance(part, Inert):
            kind = "something unknown" if part.name is None else str(part.name)[:80]
            raise FileRefused(f"The tensor “{name[:100]}” would be made by {kind}, which is not run here.")
    return made
