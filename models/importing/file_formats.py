"""One table of file formats, so that every layer tells what a file is by its bytes, and by the same bytes.

A file's name is never looked at. `detect_format` reads only the beginning of a file; `detect_zip` tells zip archives
apart by the names of their members; `detect_upload` combines both for a file of which only the beginning is at hand.
"""

from __future__ import annotations

import codecs
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Use = Literal["recipe", "audio", "regressor", "ratings", "direction", "external_directions", "generator"]
HEAD = 2**20  # bytes of a file's beginning that `detect_upload` needs
DIRECTION_KEY = "latentwalk.direction"  # of a safetensors header's metadata, in a direction file of Latentwalk's own


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format: its identifier, a noun phrase for messages ("This is {description}, not ..."), its media type
    ("" where none is needed), and what such a file can be opened as, most likely use first.
    """

    id: str
    description: str
    media_type: str = ""
    uses: tuple[Use, ...] = ()


PNG = FileFormat("png", "a PNG image", "image/png", ("recipe",))
JPEG = FileFormat("jpeg", "a JPEG image", "image/jpeg", ("recipe",))
GIF = FileFormat("gif", "a GIF image", "image/gif", ("recipe",))
WEBP = FileFormat("webp", "a WebP image", "image/webp", ("recipe",))
AVIF = FileFormat("avif", "an AVIF or HEIC image")
MP4 = FileFormat("mp4", "an MP4 or QuickTime video", "video/mp4", ("recipe",))
WEBM = FileFormat("webm", "a WebM or Matroska video", "video/webm", ("recipe",))
M4A = FileFormat("m4a", "an M4A audio file", uses=("audio",))
WAV = FileFormat("wav", "a WAV audio file", uses=("audio",))
MP3 = FileFormat("mp3", "an MP3 audio file", uses=("audio",))
FLAC = FileFormat("flac", "a FLAC audio file", uses=("audio",))
OGG = FileFormat("ogg", "an Ogg audio file", uses=("audio",))
AAC = FileFormat("aac", "an AAC audio file", uses=("audio",))
AIFF = FileFormat("aiff", "an AIFF audio file", uses=("audio",))
PDF = FileFormat("pdf", "a PDF")

PICKLE = FileFormat("pickle", "a pickle (.pkl or .joblib)", uses=("generator",))
TORCH_LEGACY = FileFormat(
    "torch_legacy", "a PyTorch file in the legacy pickle format", uses=("external_directions", "generator")
)
TORCH_ZIP = FileFormat(
    "torch_zip", "a PyTorch checkpoint (.pt, .pth or .ckpt)", uses=("external_directions", "generator")
)
SAFETENSORS = FileFormat("safetensors", "a safetensors file", uses=("generator",))
DIRECTION = FileFormat("direction", "a direction file of Latentwalk", uses=("direction",))
ONNX = FileFormat("onnx", "an ONNX graph", uses=("regressor", "generator"))
NPY = FileFormat("npy", "a NumPy array (.npy)", uses=("external_directions",))
NPZ = FileFormat("npz", "a file of NumPy arrays (.npz)", uses=("external_directions",))
TORCHSCRIPT = FileFormat("torchscript", "a TorchScript program")
TORCHSCRIPT_MOBILE = FileFormat("torchscript_mobile", "a TorchScript program for phones")
TORCH_EXPORT = FileFormat("torch_export", "an exported PyTorch program (.pt2)")
EXECUTORCH = FileFormat("executorch", "an ExecuTorch program")
ONNXRUNTIME = FileFormat("onnxruntime", "a model in onnxruntime's own format")
HDF5 = FileFormat("hdf5", "an HDF5 file, as Keras writes it")
KERAS = FileFormat("keras", "a Keras model")
TFLITE = FileFormat("tflite", "a TensorFlow Lite model")
GGUF = FileFormat("gguf", "a GGUF file")
COMPRESSED = FileFormat("compressed", "a compressed file, as joblib writes it")

ZIP = FileFormat("zip", "a zip archive", "application/zip", ("recipe",))
DAMAGED_ZIP = FileFormat("damaged_zip", "a damaged zip archive")
GZIP = FileFormat("gzip", "a gzip archive")
BZIP2 = FileFormat("bzip2", "a bzip2 archive")
XZ = FileFormat("xz", "an xz archive")
SEVEN_ZIP = FileFormat("7z", "a 7-zip archive")
ZSTD = FileFormat("zstd", "a zstd archive")
RAR = FileFormat("rar", "a RAR archive")
TAR = FileFormat("tar", "a tar archive")

PROGRAM = FileFormat("program", "a program")
LFS_POINTER = FileFormat("lfs_pointer", "a Git LFS pointer, which stands for a file that was not fetched")
MARKUP = FileFormat("markup", "a text file (HTML or XML)")
JSON = FileFormat("json", "a text file (JSON)", "application/json", ("recipe",))
TEXT = FileFormat("text", "a text file", uses=("ratings",))
UNKNOWN = FileFormat("unknown", "a file of an unknown format")

TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization's MAGIC_NUMBER
TORCH_LEGACY_HEAD = b"\x8a\x0a" + TORCH_MAGIC.to_bytes(10, "little")  # LONG1 and the number, behind the PROTO opcode
ONNX_FIELDS = (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)  # tags of ModelProto that may follow its ir_version
PICKLE_PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")  # with a PROTO opcode; protocols 0 and 1 look like text
ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")
CHUNK_FORMATS = {b"WEBP": WEBP, b"WAVE": WAV, b"AIFF": AIFF, b"AIFC": AIFF}  # in RIFF and FORM containers
AUDIO_BRANDS, IMAGE_BRANDS = (b"M4A ", b"M4B "), (b"avif", b"avis", b"heic", b"heix", b"mif1")

# Offset, bytes, format. Signatures of four bytes and more stand first, as a shorter one may also begin a longer one.
SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", PNG), (0, b"GIF87a", GIF), (0, b"GIF89a", GIF), (0, b"fLaC", FLAC), (0, b"OggS", OGG),
    (0, b"\x1aE\xdf\xa3", WEBM), (0, b"%PDF", PDF), (0, b"\x89HDF\r\n\x1a\n", HDF5), (0, b"\x93NUMPY", NPY),
    (4, b"TFL3", TFLITE), (4, b"ORTM", ONNXRUNTIME), (4, b"PTMF", TORCHSCRIPT_MOBILE), (4, b"ET12", EXECUTORCH),
    (0, b"GGUF", GGUF), (257, b"ustar", TAR), (0, b"\xfd7zXZ", XZ), (0, b"7z\xbc\xaf", SEVEN_ZIP),
    (0, b"(\xb5/\xfd", ZSTD), (0, b"Rar!", RAR), (0, b"\x04\x22\x4d\x18", COMPRESSED),
    (0, b"\x7fELF", PROGRAM), (0, b"\xcf\xfa\xed\xfe", PROGRAM), (0, b"\x00asm", PROGRAM),
    (0, b"version https://git-lfs", LFS_POINTER),
    (0, b"\xff\xd8\xff", JPEG), (0, b"ID3", MP3), (0, b"\xff\xfb", MP3), (0, b"\xff\xf3", MP3), (0, b"\xff\xf2", MP3),
    (0, b"\xff\xf1", AAC), (0, b"\xff\xf9", AAC), (0, b"BZh", BZIP2), (0, b"]\x00\x00", COMPRESSED),
    (0, b"\x1f\x8b", GZIP), (0, b"\x78\x01", COMPRESSED), (0, b"\x78\x9c", COMPRESSED), (0, b"\x78\xda", COMPRESSED),
    (0, b"ZF", COMPRESSED), (0, b"MZ", PROGRAM),
)  # fmt: skip


def detect_format(data: bytes | memoryview, size: int | None = None) -> FileFormat:
    """The format of the file that begins with `data`, UNKNOWN if none of the table's; ZIP for every zip archive.

    512 bytes suffice. `size` is the number of bytes of the whole file, if `data` is only its beginning.
    """
    head = bytes(data[:512])
    if head[:4] in ZIP_HEADS:
        return ZIP
    if head[:1] == b"\x80" and head[1:2] in PICKLE_PROTOCOLS:
        return TORCH_LEGACY if head[2:].startswith(TORCH_LEGACY_HEAD) else PICKLE
    # Before any signature: a safetensors file begins with a length, whose bytes may look like anything.
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= (len(data) if size is None else size) - 8:
        return SAFETENSORS
    if head[:4] in (b"RIFF", b"FORM") and head[8:12] in CHUNK_FORMATS:
        return CHUNK_FORMATS[head[8:12]]
    if head[4:8] == b"ftyp":
        return M4A if head[8:12] in AUDIO_BRANDS else AVIF if head[8:12] in IMAGE_BRANDS else MP4
    for offset, signature, format in SIGNATURES:
        if head.startswith(signature, offset):
            return format
    if len(head) > 2 and head[0] == 0x08 and head[1] < 0x20 and head[2] in ONNX_FIELDS:
        return ONNX
    return _text_format(head)


def detect_zip(names: Iterable[str]) -> FileFormat:
    """The format of a zip archive with members of these names; ZIP where they tell nothing more."""
    paths = list(names)
    files = {path.rpartition("/")[2] for path in paths}
    if "constants.pkl" in files:
        return TORCHSCRIPT
    if "data.pkl" in files:
        return TORCH_ZIP
    if "archive_format" in files or any(file.endswith(".json") and "exported" in file for file in files):
        return TORCH_EXPORT
    if {"config.json", "model.weights.h5"} <= files:
        return KERAS
    if paths and all(path.endswith(".npy") for path in paths):
        return NPZ
    return ZIP


def zip_names(data: bytes) -> list[str] | None:
    """The names of a zip archive's members, 10,000 at most; None for a damaged directory. Nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()[:10_000]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        return None


def detect_upload(head: bytes, size: int) -> FileFormat:
    """The format of an uploaded file of `size` bytes that begins with `head`, its first HEAD bytes or all of it.

    Beyond `detect_format` it tells apart zip archives, by their first member alone, and Latentwalk's own direction
    files from other safetensors files.
    """
    format = detect_format(head, size)
    if format is ZIP:
        return detect_zip([_first_member(head)])
    if format is SAFETENSORS and DIRECTION_KEY in _metadata(head):
        return DIRECTION
    return format


def _text_format(head: bytes) -> FileFormat:
    text = head.lstrip()
    if text[:1] == b"{":
        return JSON
    if text[:1] == b"<":
        return MARKUP
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # which accepts a character cut off at the end
    except UnicodeDecodeError:
        return UNKNOWN
    return TEXT if text and all(byte >= 0x20 or byte in b"\t\n\r" for byte in text) else UNKNOWN


def _first_member(head: bytes) -> str:
    # The name in the first local file header (APPNOTE 4.3.7).
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("latin-1")


def _metadata(head: bytes) -> dict[str, object]:
    # The metadata of a safetensors header; empty where it is longer than `head` or damaged.
    try:
        metadata = json.loads(head[8 : 8 + int.from_bytes(head[:8], "little")])["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}
