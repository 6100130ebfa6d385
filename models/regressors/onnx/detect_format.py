"""What a stranger's file is, by its structure and never its name; all but ONNX is refused with what to do instead."""

from __future__ import annotations

import io
import json
import zipfile
from typing import NamedTuple

from models.errors import Invalid

LARGEST = 300 * 2**20
EXPORT = 'Export it as ONNX: torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), "judge.onnx").'
KERAS = "Convert it to ONNX: python -m tf2onnx.convert --keras judge.h5 --output judge.onnx."
LITE = "Convert it to ONNX: python -m tf2onnx.convert --tflite judge.tflite --output judge.onnx."
UNPACK = "Unpack it, and choose the .onnx file in it."
CHOOSE = "Choose the .onnx file of the model."


class Kind(NamedTuple):
    """What a file is, and what its owner can do instead."""

    what: str
    hint: str


PICKLE = Kind("a pickle (.pkl, .joblib or an old .pt), which could run code when it is opened", EXPORT)
PACKED = Kind("a compressed file, as joblib writes it, which could run code when it is opened", EXPORT)
PROGRAM, TEXT = Kind("a program", CHOOSE), Kind("a text", CHOOSE)
# Where the bytes are, which they are, what that is.
MARKS = (
    (0, b"\x89PNG\r\n", Kind("a PNG image", CHOOSE)), (0, b"\xff\xd8\xff", Kind("a JPEG image", CHOOSE)),
    (0, b"GIF8", Kind("a GIF image", CHOOSE)), (8, b"WEBP", Kind("a WebP image", CHOOSE)),
    (4, b"ftyp", Kind("a film or an AVIF image", CHOOSE)), (0, b"%PDF", Kind("a PDF", CHOOSE)),
    (0, b"\x89HDF\r\n", Kind("an HDF5 file, as Keras writes it", KERAS)),
    (4, b"TFL3", Kind("a TensorFlow Lite model", LITE)),
    (4, b"ORTM", Kind("a model in onnxruntime's own format", "Choose the .onnx file that it was made from.")),
    (4, b"PTMF", Kind("a TorchScript file for phones, which could run code when it is opened", EXPORT)),
    (4, b"ET12", Kind("an ExecuTorch program", EXPORT)),
    (0, b"GGUF", Kind("a GGUF file, which has weights but not what to compute with them", EXPORT)),
    (0, b"\x93NUMPY", Kind("a NumPy array, which may be a pickle", EXPORT)),
    (0, b"\x1f\x8b", Kind("a gzip archive", UNPACK)), (0, b"BZh", Kind("a bzip2 archive", UNPACK)),
    (0, b"\xfd7zXZ", Kind("an xz archive", UNPACK)), (0, b"7z\xbc\xaf", Kind("a 7-zip archive", UNPACK)),
    (0, b"(\xb5/\xfd", Kind("a zstd archive", UNPACK)), (0, b"Rar!", Kind("a RAR archive", UNPACK)),
    (257, b"ustar", Kind("a tar archive", UNPACK)),
    (0, b"\x78\x01", PACKED), (0, b"\x78\x9c", PACKED), (0, b"\x78\xda", PACKED), (0, b"ZF", PACKED),
    (0, b"]\x00\x00", PACKED), (0, b"\x04\x22\x4d\x18", PACKED),
    (0, b"\x7fELF", PROGRAM), (0, b"MZ", PROGRAM), (0, b"\xcf\xfa\xed\xfe", PROGRAM), (0, b"\x00asm", PROGRAM),
    (0, b"<", TEXT), (0, b"{", TEXT), (0, b"#", TEXT),
)  # fmt: skip


def check_is_onnx(data: bytes) -> None:
    """Return if the bytes may be ONNX; else Invalid, which says what they are and how to get ONNX from it."""
    if not data:
        raise Invalid("The file is empty.", EXPORT)
    if len(data) > LARGEST:
        raise Invalid(f"The file is over {LARGEST >> 20} MiB.", "Export a smaller model.")
    kind = _kind(data)
    if kind is not None:
        raise Invalid(f"This is {kind.what}, not ONNX. It was not opened.", kind.hint)
    if data[0] != 0x08:  # ONNX begins with its format's version, field 1 of the message
        raise Invalid("This is not ONNX. It was not opened.", EXPORT)


def _kind(data: bytes) -> Kind | None:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _archive(data)
    if data[:1] == b"\x80" and len(data) > 1 and 2 <= data[1] <= 5:
        return PICKLE
    if _is_safetensors(data):
        return Kind("a safetensors file, which has weights but not what to compute with them", EXPORT)
    return next((kind for place, mark, kind in MARKS if data.startswith(mark, place)), None)


def _archive(data: bytes) -> Kind:
    # Only the list of names is read.
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            paths = archive.namelist()[:10_000]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        return Kind("a damaged zip archive", CHOOSE)
    names = {path.rpartition("/")[2] for path in paths}
    if "constants.pkl" in names:
        return Kind("a TorchScript file, which could run code when it is opened", EXPORT)
    if "data.pkl" in names:
        return Kind("a PyTorch checkpoint (.pt, .pth or .ckpt), which could run code when it is opened", EXPORT)
    if "archive_format" in names or any(name.endswith(".json") and "exported" in name for name in names):
        return Kind("an exported PyTorch program (.pt2)", EXPORT)
    if {"config.json", "model.weights.h5"} <= names:
        return Kind("a Keras model", KERAS)
    if paths and all(path.endswith(".npy") for path in paths):
        return Kind("a file of NumPy arrays (.npz), which may be pickles", EXPORT)
    return Kind("a zip archive", UNPACK if any(name.endswith(".onnx") for name in names) else CHOOSE)


def _is_safetensors(data: bytes) -> bool:
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= len(data) - 8 or data[8:9] != b"{":
        return False
    try:
        return isinstance(json.loads(data[8 : 8 + min(length, 2**20)]), dict)
    except (ValueError, RecursionError):
        return length > 2**20
