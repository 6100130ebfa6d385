"""PyTorch's legacy file format: three pickles about the file, one of its value, one of storage keys, then the storages.

Storages inside NVIDIA's pickles are files of this format, too. The layout is that of torch.serialization.
"""

from __future__ import annotations

from typing import Any

from models.importing.file_formats import TORCH_MAGIC
from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.globals import NestedReader, PickleGlobals, parse_persistent_id
from models.importing.unpickle.opcodes import unpickle
from models.importing.unpickle.records import GlobalName, StorageRecord
from models.importing.unpickle.tensor_bytes import CUT_OFF, item_size

PROTOCOL = 1001  # torch.serialization's PROTOCOL_VERSION
BIG_ENDIAN = ("The file was written on a big-endian machine.", "Save it again on a little-endian one.")
CONFLICT = "The file describes the same storage in two ways."
NO_STORAGE = "A file that is nested in the checkpoint is no tensor storage."


def read(
    data: memoryview, budget: Budget, read_nested: NestedReader | None = None
) -> tuple[Any, dict[GlobalName, bool]]:
    """The file's value, with tensors not yet decoded, and the globals it refers to, with whether each stayed opaque.

    `read_nested` reads the files that the value's pickle embeds; without it they are refused.
    """
    storages: dict[str, StorageRecord] = {}

    def load_storage(key: Any) -> StorageRecord:
        dtype, name, numel = parse_persistent_id(key)
        storage = storages.setdefault(name, StorageRecord(dtype, numel))
        if (storage.dtype, storage.numel) != (dtype, numel):
            raise FileRefused(CONFLICT)
        return storage

    pickle_globals, plain_globals = PickleGlobals(budget, load_storage, read_nested), PickleGlobals(budget)
    position, header = 0, []
    for _ in range(3):
        part, position = unpickle(data, plain_globals, budget, position)
        header.append(part)
    if header[:2] != [TORCH_MAGIC, PROTOCOL] or not isinstance(header[2], dict):
        raise FileRefused("The header of the PyTorch file is invalid.")
    if header[2].get("little_endian") is not True:
        raise FileRefused(*BIG_ENDIAN)
    value, position = unpickle(data, pickle_globals, budget, position)
    keys, position = unpickle(data, plain_globals, budget, position)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
        raise FileRefused("The list of storages is invalid.")
    for key in keys:
        if key not in storages:
            raise FileRefused("The file holds a storage that nothing refers to.")
        storage = storages[key]
        size, start = storage.numel * item_size(storage.dtype), position + 8
        if int.from_bytes(data[position:start], "little") != storage.numel or len(data) - start < size:
            raise FileRefused("The numbers of a tensor are missing.", CUT_OFF)
        storage.data = data[start : start + size]
        position = start + size
    return value, pickle_globals.names


def read_storage(data: memoryview, budget: Budget) -> tuple[StorageRecord, dict[GlobalName, bool]]:
    """The storage that an embedded file holds, and the globals it refers to."""
    value, names = read(data, budget)
    if not isinstance(value, StorageRecord) or value.data is None:
        raise FileRefused(NO_STORAGE)
    return value, names
