"""A checkpoint's bytes to the values in it, by whichever reader its format needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.importing import file_formats
from models.importing.formats import safetensors_file, torch_legacy, torch_zip
from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.globals import PickleGlobals
from models.importing.unpickle.opcodes import unpickle
from models.importing.unpickle.records import GlobalName

EXPECTED = (
    "Choose a StyleGAN, BigGAN or DCGAN checkpoint (.pkl, .pt, .pth or .safetensors). "
    "A regressor must be an ONNX file: export it with torch.onnx.export(..., external_data=False)."
)


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds. `names` are the globals it refers to and whether each stayed opaque, `metadata` is that of a
    safetensors file, `config` the parsed config.json beside the file.
    """

    format: str
    value: Any
    names: Mapping[GlobalName, bool] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


def read_contents(data: memoryview, budget: Budget, config: Mapping[str, Any]) -> FileContents:
    """The contents of a checkpoint. Raises FileRefused for any other file, saying what it is instead."""
    if len(data) > budget.limits.file:
        raise FileRefused(f"The file is over {budget.limits.file / 2**30:g} GiB.", "Use a smaller checkpoint.")
    if not data:
        raise FileRefused("The file is empty.", EXPECTED)
    format = file_formats.detect_format(data)
    if format is file_formats.ZIP:
        return FileContents("a PyTorch file", *torch_zip.read(data, budget), config=config)
    if format is file_formats.TORCH_LEGACY:
        value, names = torch_legacy.read(data, budget, torch_legacy.read_storage)
        return FileContents("a PyTorch file of the old format", value, names, config=config)
    if format is file_formats.PICKLE:
        pickle_globals = PickleGlobals(budget, read_nested=torch_legacy.read_storage)
        value, end = unpickle(data, pickle_globals, budget)
        if end != len(data):
            raise FileRefused("There are bytes behind the end of the pickle.")
        return FileContents("a pickle", value, pickle_globals.names, config=config)
    if format is file_formats.SAFETENSORS:
        state, metadata = safetensors_file.read(data, budget)
        return FileContents("a safetensors file", state, metadata=metadata, config=config)
    if format is file_formats.UNKNOWN:
        raise FileRefused("This is not a checkpoint of a known format.", EXPECTED)
    raise FileRefused(f"This is {format.description}, not a checkpoint.", EXPECTED)
