"""PyTorch's zip format: a pickle of the value beside one archive member of plain numbers per storage."""

from __future__ import annotations

from typing import Any

from models.importing.file_formats import TORCHSCRIPT, detect_zip
from models.importing.formats.torch_legacy import BIG_ENDIAN, CONFLICT, read_storage
from models.importing.formats.zip_archive import read_members
from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.globals import PickleGlobals, parse_persistent_id
from models.importing.unpickle.opcodes import unpickle
from models.importing.unpickle.records import GlobalName, StorageRecord
from models.importing.unpickle.tensor_bytes import CUT_OFF, item_size


def read(data: memoryview, budget: Budget) -> tuple[Any, dict[GlobalName, bool]]:
    """The file's value, with tensors not yet decoded, and the globals it refers to, with whether each stayed opaque."""
    members = read_members(data, budget)
    if detect_zip(members) is TORCHSCRIPT:
        raise FileRefused(
            "This is a TorchScript program, which would have to be executed.",
            "Save the generator's state_dict() in Python instead.",
        )
    pickles = [name for name in members if name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)]
    if len(pickles) != 1:
        raise FileRefused("This is a zip archive, but not a PyTorch file.", "Import the checkpoint inside it.")
    root = pickles[0].removesuffix("data.pkl")
    if bytes(members.get(f"{root}byteorder", memoryview(b"little"))[:16]) != b"little":
        raise FileRefused(*BIG_ENDIAN)

    storages: dict[str, StorageRecord] = {}

    def load_storage(key: Any) -> StorageRecord:
        dtype, name, numel = parse_persistent_id(key)
        if name not in storages:
            member = members.get(f"{root}data/{name}")
            if member is None or len(member) < numel * item_size(dtype):
                raise FileRefused("The numbers of a tensor are missing.", CUT_OFF)
            storages[name] = StorageRecord(dtype, numel, member)
        if (storages[name].dtype, storages[name].numel) != (dtype, numel):
            raise FileRefused(CONFLICT)
        return storages[name]

    pickle_globals = PickleGlobals(budget, load_storage, read_storage)
    value, end = unpickle(members[pickles[0]], pickle_globals, budget)
    if end != len(members[pickles[0]]):
        raise FileRefused("There are bytes behind the end of the pickle.")
    return value, pickle_globals.names
