"""What a stranger's file is, by its structure and never its name; all but ONNX is refused with what to do instead."""

from __future__ import annotations

import io
import json
import zipfile

from models.base import ModelError

LARGEST = 300 * 2**20
EXPORT = 'Export it as ONNX: torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), "judge.onnx").'
MAGIC = (
    (b"\x89PNG\r\n", "a PNG image"), (b"\xff\xd8\xff", "a JPEG image"), (b"GIF8", "a GIF image"),
    (b"\x89HDF\r\n", "an HDF5 file, as Keras writes it"), (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"), (b"7z\xbc\xaf", "a 7-zip archive"), (b"(\xb5/\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"), (b"MZ", "a program"), (b"%PDF", "a PDF"), (b"<", "a text"), (b"{", "a text"),
    (b"#", "a text"),
)  # fmt: skip


def recognise(data: bytes) -> None:
    """Return if the bytes may be ONNX; else ModelError, which says what they are and how to get ONNX from it."""
    if not data:
        raise ModelError("The file is empty.", EXPORT)
    if len(data) > LARGEST:
        raise ModelError(f"The file is over {LARGEST >> 20} MiB.", "Export a smaller model.")
    what = _what(data)
    if what:
        raise ModelError(f"This is {what}, not ONNX. It was not opened.", EXPORT)
    if data[0] != 0x08:  # ONNX begins with its format's version, field 1 of the message
        raise ModelError("This is not ONNX. It was not opened.", EXPORT)


def _what(data: bytes) -> str:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _archive(data)
    if data[:1] == b"\x80" and len(data) > 1 and 2 <= data[1] <= 5:
        return "a pickle (.pkl, .joblib or an old .pt), which could run code when it is opened"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP image"
    if data[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if data[257:262] == b"ustar":
        return "a tar archive"
    if _is_safetensors(data):
        return "a safetensors file, which has weights but not what to compute with them"
    return next((name for magic, name in MAGIC if data.startswith(magic)), "")


def _archive(data: bytes) -> str:
    # Only the list of names is read.
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist()[:10_000]]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "a damaged zip archive"
    if "constants.pkl" in names:
        return "a TorchScript file, which could run code when it is opened"
    if "data.pkl" in names:
        return "a PyTorch checkpoint (.pt, .pth or .ckpt), which could run code when it is opened"
    if "archive_format" in names or any(name.endswith(".json") and "exported" in name for name in names):
        return "an exported PyTorch program (.pt2)"
    return "a zip archive"


def _is_safetensors(data: bytes) -> bool:
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= len(data) - 8 or data[8:9] != b"{":
        return False
    try:
        return isinstance(json.loads(data[8 : 8 + min(length, 2**20)]), dict)
    except (ValueError, RecursionError):
        return length > 2**20
