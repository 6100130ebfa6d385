"""What a file is by its structure, never by its name, and what it holds once that format was read."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.importing.formats import torch_legacy, torch_zip
from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.globals import PickleGlobals
from models.importing.unpickle.opcodes import unpickled
from models.importing.unpickle.records import Name
from models.importing.unpickle.tensor_bytes import CUT

GIVE = (
    "Give a StyleGAN, BigGAN or DCGAN checkpoint (.pkl, .pt, .pth or .safetensors). "
    "A judge comes as ONNX: export it with torch.onnx.export."
)
OTHERS = (
    (b"\x89PNG\r\n", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"GIF8", "a GIF picture"),
    (b"\x89HDF\r\n", "an HDF5 file, as Keras writes it"), (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"), (b"7z\xbc\xaf", "a 7-zip archive"), (b"(\xb5/\xfd", "a zstd archive"),
    (b"Rar!", "a RAR archive"), (b"\x7fELF", "a program"), (b"MZ", "a program"), (b"%PDF", "a PDF"),
    (b"<", "a text or web page"), (b"{", "a text"), (b"#", "a text"),
    (b"version https://git-lfs", "a pointer to a file that was not fetched"),
)  # fmt: skip
SAFETENSORS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
LARGEST_HEADER = 16 * 2**20


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds. `metadata` is what a safetensors file says of itself, `config` a folder's config.json."""

    format: str
    value: Any
    names: Mapping[Name, bool] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


def read_contents(data: memoryview, budget: Budget, config: Mapping[str, Any]) -> FileContents:
    """The contents of a checkpoint's bytes. Refused, with what it is instead, for anything else."""
    if len(data) > budget.limits.file:
        raise FileRefused(f"The file is over {budget.limits.file / 2**30:g} GiB.", "Use a smaller checkpoint.")
    start = bytes(data[:512])
    if not start:
        raise FileRefused("The file is empty.", GIVE)
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return FileContents("a PyTorch file", *torch_zip.read(data, budget), config=config)
    if torch_legacy.is_legacy(data):
        return FileContents("a PyTorch file of the old format", *torch_legacy.read(data, budget), config=config)
    other = _other(start)
    if other:
        raise FileRefused(f"This is {other}, not a checkpoint.", GIVE)
    if start[0] == 0x80 and len(start) > 1 and 2 <= start[1] <= 5:
        words = PickleGlobals(budget)
        value, end = unpickled(data, words, budget)
        if end != len(data):
            raise FileRefused("There is something behind the end of its contents.")
        return FileContents("a pickle", value, words.names, config=config)
    if _is_safetensors(data):
        state, metadata = _safetensors(data, budget)
        return FileContents("a safetensors file", state, metadata=metadata, config=config)
    if is_onnx(start):
        raise FileRefused("This is an ONNX graph, which is no checkpoint.", GIVE)
    raise FileRefused("This is no checkpoint of a kind that is known here.", GIVE)


def _other(start: bytes) -> str:
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP picture"
    if start[257:262] == b"ustar":
        return "a tar archive"
    if start[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if start[:6] == b"\x93NUMPY":
        return "a numpy array"
    return next((what for magic, what in OTHERS if start.startswith(magic) and not _has_header(start)), "")


def _has_header(start: bytes) -> bool:
    # A safetensors file begins with a length, whose bytes may look like anything; then a brace.
    return start[8:9] == b"{" and start[5:8] == b"\0\0\0"


def is_onnx(start: bytes) -> bool:
    """Whether a file begins as an ONNX graph does: with its format's version, then one of the fields that follow."""
    return len(start) > 2 and start[0] == 0x08 and start[1] < 0x20 and start[2] in (0x12, 0x3A, 0x42, 0x1A, 0x22, 0x2A)


def _is_safetensors(data: memoryview) -> bool:
    return 2 <= int.from_bytes(data[:8], "little") <= len(data) - 8 and bytes(data[8:9]) == b"{"


def _safetensors(data: memoryview, budget: Budget) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    (length,) = struct.unpack("<Q", data[:8])
    if length > LARGEST_HEADER:
        raise FileRefused("Its header is larger than any checkpoint's.")
    try:
        header = json.loads(bytes(data[8 : 8 + length]))
        told = header.pop("__metadata__", {})
        rows = {name: (row["dtype"], tuple(row["shape"]), tuple(row["data_offsets"])) for name, row in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileRefused("It is a damaged safetensors file.", CUT) from None
    if len(rows) > budget.limits.tensors:
        raise FileRefused(f"It has over {budget.limits.tensors:,} tensors.")
    body = data[8 + length :]
    state = {}
    for name, (kind, shape, place) in rows.items():
        numbers = (*shape, *place)
        if kind not in SAFETENSORS or len(place) != 2 or len(shape) > 8:
            raise FileRefused(f"The tensor “{name[:100]}” is of a kind that is not read here.")
        if not all(type(number) is int and 0 <= number < 2**40 for number in numbers):
            raise FileRefused(f"The tensor “{name[:100]}” lies where nothing can lie.")
        dtype, count = np.dtype(SAFETENSORS[kind]), math.prod(shape)
        budget.decode(count)
        if place[1] - place[0] != count * dtype.itemsize or place[1] > len(body):
            raise FileRefused(f"The tensor “{name[:100]}” reaches beyond the file.", CUT)
        array = np.frombuffer(body[place[0] : place[1]], dtype).reshape(shape)
        state[name] = (array.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else array
    return state, {str(key): str(text) for key, text in told.items()} if isinstance(told, dict) else {}
