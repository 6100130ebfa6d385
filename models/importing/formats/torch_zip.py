"""PyTorch's zip format: a pickle of the contents beside one member of plain numbers for each storage."""

from __future__ import annotations

from typing import Any

from models.importing.formats.zip_archive import members
from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.globals import PickleGlobals, described
from models.importing.unpickle.opcodes import unpickled
from models.importing.unpickle.records import Name, Storage
from models.importing.unpickle.tensor_bytes import CUT, width


def read(data: memoryview, budget: Budget) -> tuple[Any, dict[Name, bool]]:
    """What the file holds, its tensors not yet decoded, and the names it uses (and whether each was made inert)."""
    inside = members(data, budget)
    if any(name.endswith("constants.pkl") for name in inside):
        raise FileRefused(
            "This is a TorchScript program, which would have to be run.",
            "Save the generator's state_dict() in Python instead.",
        )
    pickles = [name for name in inside if name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)]
    if len(pickles) != 1:
        raise FileRefused("It is a zip archive, but not one that PyTorch wrote.", "Give the checkpoint that is in it.")
    root = pickles[0].removesuffix("data.pkl")
    order = bytes(inside.get(f"{root}byteorder", memoryview(b"little"))[:16])
    if order != b"little":
        raise FileRefused("It was written on a machine that orders bytes the other way round.", "Save it on another.")

    made: dict[str, Storage] = {}

    def found(key: Any) -> Storage:
        kind, name, numel = described(key)
        if name not in made:
            member = inside.get(f"{root}data/{name}")
            if member is None or len(member) < numel * width(kind):
                raise FileRefused("The numbers of one of its tensors are missing.", CUT)
            made[name] = Storage(kind, numel, member)
        if (made[name].kind, made[name].numel) != (kind, numel):
            raise FileRefused("It says two things of the same numbers.")
        return made[name]

    words = PickleGlobals(budget, found)
    value, end = unpickled(inside[pickles[0]], words, budget)
    if end != len(inside[pickles[0]]):
        raise FileRefused("There is something behind the end of its contents.")
    return value, words.names
