"""PyTorch's first file format: three pickles about the file, one with the contents, one with keys, then the numbers.

A storage inside an NVIDIA pickle is such a file, too. The layout is torch.serialization's; nothing is loaded.
"""

from __future__ import annotations

from typing import Any

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.globals import PickleGlobals, described
from models.importing.unpickle.opcodes import unpickled
from models.importing.unpickle.records import Name, Storage
from models.importing.unpickle.tensor_bytes import CUT, width

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
OPENING = b"\x8a\x0a" + MAGIC.to_bytes(10, "little")  # as every protocol from 2 writes that number


def is_legacy(data: memoryview) -> bool:
    """Whether a file opens as this format does."""
    return bytes(data[2 : 2 + len(OPENING)]) == OPENING


def read(data: memoryview, budget: Budget, inner: bool = False) -> tuple[Any, dict[Name, bool]]:
    """What the file holds, its tensors not yet decoded, and the names it uses (and whether each was made inert)."""
    storages: dict[str, Storage] = {}

    def found(key: Any) -> Storage:
        kind, name, numel = described(key)
        storage = storages.setdefault(name, Storage(kind, numel))
        if (storage.kind, storage.numel) != (kind, numel):
            raise FileRefused("It says two things of the same numbers.")
        return storage

    words = PickleGlobals(budget, found, inner)
    plain = PickleGlobals(budget, None, True)
    at, opening = 0, []
    for _ in range(3):
        value, at = unpickled(data, plain, budget, at)
        opening.append(value)
    if opening[:2] != [MAGIC, PROTOCOL] or not isinstance(opening[2], dict):
        raise FileRefused("It is not what PyTorch wrote.")
    if opening[2].get("little_endian") is not True:
        raise FileRefused("It was written on a machine that orders bytes the other way round.", "Save it on another.")
    value, at = unpickled(data, words, budget, at)
    keys, at = unpickled(data, plain, budget, at)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
        raise FileRefused("Its list of storages makes no sense.")
    for key in keys:
        if key not in storages:
            raise FileRefused("It holds numbers that belong to nothing.")
        storage = storages[key]
        size = storage.numel * width(storage.kind)
        if int.from_bytes(data[at : at + 8], "little") != storage.numel or len(data) - at - 8 < size:
            raise FileRefused("The numbers of one of its tensors are missing.", CUT)
        storage.data = data[at + 8 : at + 8 + size]
        at += 8 + size
    return value, words.names


def storage(data: memoryview, budget: Budget) -> tuple[Storage, dict[Name, bool]]:
    """The one storage that a file inside a pickle holds."""
    if not is_legacy(data):
        raise FileRefused("It holds a file inside that is no tensor's numbers.")
    value, names = read(data, budget, inner=True)
    if not isinstance(value, Storage) or value.data is None:
        raise FileRefused("It holds a file inside that is no tensor's numbers.")
    return value, names
