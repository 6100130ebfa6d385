"""Flat state dicts, name to numbers, from what a checkpoint holds: plain dictionaries and nested modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.limits import Budget, FileRefused
from models.importing.passport import Weights
from models.importing.unpickle import tensor_bytes
from models.importing.unpickle.records import (
    ArrayRecord,
    ModuleRecord,
    OpaqueObject,
    SetRecord,
    TensorRecord,
    joined,
    mapping,
    modules,
)

MAX_MODULES = 10_000
OTHER_NETWORK = (
    "The network is another one than it seems, such as a variant of it. Export its generator with torch.onnx.export, "
    "and import the ONNX file."
)
# What training scripts store beside a generator: networks by their usual names, and the state of training.
OTHER_PARTS = re.compile(
    r"(net_?)?[gd]([_.].*)?|(.*_)?(generator|discriminator|model|params|state_dict|models)(_.*)?|latent_avg|r_t_stat|"
    r".*(optim|sched|disc|critic|encoder|augment|ada_|scaler|loss|rng|noise|ema|history|metric|fid|iter|step|epoch).*",
    re.IGNORECASE,
)
State = dict[str, np.ndarray[Any, Any]]


class FileTensors(State):
    """A state dict that knows which of its tensors were read, so that none is overlooked (see `refuse_unread`)."""

    def __init__(self, tensors: Weights, read: set[str] | None = None, prefix: str = "") -> None:
        super().__init__(tensors)
        self.read: set[str] = set() if read is None else read
        self._prefix = prefix

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        array = super().__getitem__(name)
        self.read.add(self._prefix + name)
        return array

    def get(self, name: str, default: Any = None) -> Any:
        """The tensor of that name, which counts as read; `default` if there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def under(self, prefix: str) -> FileTensors:
        """The tensors whose names begin with `prefix`, under the rest of their names; what is read counts here, too."""
        rest = {name.removeprefix(prefix): array for name, array in self.items() if name.startswith(prefix)}
        return FileTensors(rest, self.read, self._prefix + prefix)


def flatten(value: object, budget: Budget) -> FileTensors:
    """The decoded tensors of a state dict, or of a module and its submodules, by their dotted names.

    Raises FileRefused where a tensor would be the result of a call that is not made here.
    """
    if not isinstance(value, ModuleRecord) and "_modules" not in mapping(value):
        budget.count_opcodes(len(mapping(value)))
        return _decode({joined("", str(name), budget): record for name, record in mapping(value).items()}, budget)
    records: dict[str, object] = {}
    for number, (path, module) in enumerate(modules(value, budget)):
        if number > MAX_MODULES:
            raise FileRefused(f"The network has over {MAX_MODULES:,} modules.")
        if not isinstance(module, ModuleRecord | OpaqueObject):
            raise FileRefused(f"The module “{path[:100]}” is invalid.")
        non_persistent = _texts(mapping(module).get("_non_persistent_buffers_set"), budget)
        for group in ("_parameters", "_buffers"):
            entries = mapping(mapping(module).get(group))
            budget.count_opcodes(len(entries))
            for name, record in entries.items():
                if record is not None and name not in non_persistent:
                    records[joined(path, str(name), budget)] = record
    return _decode(records, budget)


def is_state_dict(value: object) -> bool:
    """Whether a value is a dictionary of tensors by name, and nothing else."""
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(isinstance(name, str) for name in value)
        and all(isinstance(record, TensorRecord | ArrayRecord | np.ndarray) for record in value.values())
    )


def float_tensors(state: Weights) -> State:
    """The state dict in float32. Raises FileRefused where a number is not finite."""
    floats = {}
    for name, array in state.items():
        floats[name] = np.asarray(array, np.float32, order="C")
        if not np.isfinite(floats[name]).all():
            raise FileRefused(f"The tensor “{name[:100]}” holds numbers that are not finite.", "Use another snapshot.")
    return floats


def under_prefix(state: Weights, prefix: str) -> State:
    """The tensors whose names begin with `prefix`, under the rest of their names."""
    if isinstance(state, FileTensors):
        return state.under(prefix)
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def refuse_unread(state: FileTensors, network: str, harmless: str) -> None:
    """Raise FileRefused where a tensor was neither read nor is harmless: then the network is not quite `network`.

    `harmless` is a pattern of the names of tensors that have no effect on an image.
    """
    unread = [name for name in state if name not in state.read and not re.fullmatch(harmless, name)]
    if unread:
        more = f" and {len(unread) - 1:,} more" if len(unread) > 1 else ""
        raise FileRefused(f"The file has “{unread[0][:100]}”{more}, which {network} does not have.", OTHER_NETWORK)


def require(state: Weights, name: str, *shape: int | None) -> np.ndarray[Any, Any]:
    """The tensor of that name. FileRefused if it is missing or not of that shape (None: a side of any length)."""
    array = state.get(name)
    if array is None:
        raise FileRefused(f"The tensor “{name[:100]}” is missing.", OTHER_NETWORK)
    fits = array.ndim == len(shape) and all(want in (None, side) for want, side in zip(shape, array.shape, strict=True))
    if not fits:
        expected = " x ".join("?" if side is None else str(side) for side in shape) or "a single number"
        raise FileRefused(f"The tensor “{name[:100]}” has the shape {list(array.shape)}; expected {expected}.")
    return array


def refuse_other_parts(checkpoint: Mapping[Any, Any], network: str) -> None:
    """Raise FileRefused where a training checkpoint has tensors beside its networks and the state of its training.

    They may belong to the generator, as an embedding of classes does in some projects.
    """
    for name, part in checkpoint.items():
        has_tensors = isinstance(part, TensorRecord | ArrayRecord | np.ndarray) or is_state_dict(part)
        if has_tensors and not OTHER_PARTS.fullmatch(str(name)[:200]):
            raise FileRefused(f"The file has “{str(name)[:100]}”, which {network} does not have.", OTHER_NETWORK)


def _texts(value: object, budget: Budget) -> set[str]:
    items = value.items if isinstance(value, SetRecord) else value
    if not isinstance(items, list):
        return set()
    budget.count_opcodes(len(items))
    return {item for item in items if isinstance(item, str)}


def _decode(records: Mapping[str, object], budget: Budget) -> FileTensors:
    if len(records) > budget.limits.tensors:
        raise FileRefused(f"The file has over {budget.limits.tensors:,} tensors.")
    state: State = {}
    for name, record in records.items():
        if isinstance(record, TensorRecord):
            state[name] = tensor_bytes.decode_tensor(record, budget)
        elif isinstance(record, ArrayRecord):
            state[name] = tensor_bytes.decode_array(record, budget)
        elif isinstance(record, np.ndarray):
            state[name] = record
        elif isinstance(record, OpaqueObject):
            callee = "an unknown object" if record.name is None else str(record.name)[:80]
            raise FileRefused(f"The tensor “{name[:100]}” would be made by {callee}, which is not run here.")
    return FileTensors(state)
