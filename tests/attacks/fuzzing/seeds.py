"""Where fuzzing of each reader begins: small whole files, and the inputs kept from earlier runs.

Kept inputs lie in `inputs/READER.txt`, one a line in base64; the tests replay them.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.models.importing.pickle_writer import TensorValue, legacy_file, pickle_bytes, torch_zip, zip_bytes

FOLDER = Path(__file__).parent / "inputs"
EDIT = {"generator": "eyes", "base": {"seed": 3}, "amounts": {"zoom": 1.5}, "styles": {"4": [1, 2]}, "truncation": 0.7}
WALK = {
    "generator": "eyes",
    "keyframes": [{"at": 0, "edit": EDIT}, {"at": 2, "amounts": {"zoom": 3}, "easing": "linear", "hold": 0.5}],
    "seconds": 4, "grid": {"seeds": [1, 2], "columns": 2}, "output": {"format": "gif", "fps": 20}, "beats": [1],
}  # fmt: skip
SMALL = {"main.0.weight": TensorValue(np.ones((2, 3, 4, 4), np.float32))}


def kept(reader: str) -> list[bytes]:
    """The inputs that earlier runs left."""
    path = FOLDER / f"{reader}.txt"
    lines = path.read_text("ascii").splitlines() if path.is_file() else []
    return [base64.b64decode(line) for line in lines if line and not line.startswith("#")]


def whole_files(reader: str) -> list[bytes]:
    """Whole files of what a reader takes, as its target wants them."""
    return list(MAKERS[reader]())


def _pickles() -> Iterator[bytes]:
    from tests.attacks.checkpoints import corpus

    yield from (data[2:] for data in corpus("marker").values() if len(data) < 1000 and data[:1] == b"\x80")
    yield pickle_bytes({"G_ema": {"a": np.ones(2, np.float32)}})[2:]


def _torch_files() -> Iterator[bytes]:
    from models.importing.formats.zip_archive import read_members
    from models.importing.limits import Budget

    yield b"\x01" + torch_zip({"g_ema": SMALL})
    yield b"\x01" + legacy_file(SMALL)
    yield b"\x00" + bytes(read_members(memoryview(torch_zip(SMALL)), Budget())["archive/data.pkl"])


def _zips() -> Iterator[bytes]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(100))
    yield out.getvalue()
    yield zip_bytes({"a/b": b"12", "c": b""})
    yield zip_bytes({"a/b": b"12"}, zip64=True)


def _safetensors() -> Iterator[bytes]:
    header = {
        "__metadata__": {"licence": "MIT"},
        "main.0.weight": {"dtype": "F16", "shape": [2, 4], "data_offsets": [0, 16]},
        "main.1.weight": {"dtype": "BF16", "shape": [24], "data_offsets": [16, 64]},
    }
    text = json.dumps(header).encode()
    yield b" " + text
    yield b"\x01" + struct.pack("<Q", len(text)) + text + bytes(64)


def _vectors() -> Iterator[bytes]:
    rows = np.eye(2, 4, dtype=np.float32)
    plain, archive = io.BytesIO(), io.BytesIO()
    np.save(plain, rows)
    np.savez_compressed(archive, lat_comp=rows, lat_stdev=np.ones(2))
    yield plain.getvalue()
    yield archive.getvalue()
    yield torch_zip({"eigvec": TensorValue(rows)})
    yield pickle_bytes({"w": rows})


def _directions() -> Iterator[bytes]:
    from tests.attacks.test_direction_files import header_of, valid_file

    yield b"\x00" + header_of(valid_file())["__metadata__"]["latentwalk.direction"].encode()
    yield b"\x01" + valid_file()


def _messages() -> Iterator[bytes]:
    for message in ({"rev": 7, "edit": EDIT, "ack": 6, "size": 64}, {"ack": 1}, {"rev": 1, "edit": {}}):
        yield json.dumps(message).encode()


def _sandbox_answers() -> Iterator[bytes]:
    from models.sandbox.protocol import Message, pack

    yield pack(Message({"answer": {}}, [np.ones((2, 2), np.float32), np.zeros(0, np.uint8)]))


def _recipes() -> Iterator[bytes]:
    from latentwalk.provenance.xmp import UUID, packet

    walk, edit = json.dumps(WALK).encode(), json.dumps(EDIT).encode()
    xmp = packet("edit", edit.decode())
    yield walk
    yield edit
    yield json.dumps({"claim": {"recipe": EDIT}}).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("recipe.json", walk)
    yield out.getvalue()
    yield b"\x89PNG\r\n\x1a\n" + _png_chunk(b"tEXt", b"latentwalk\0" + edit)
    yield b"\x89PNG\r\n\x1a\n" + _png_chunk(b"zTXt", b"latentwalk\0\0" + zlib.compress(edit))
    yield b"\x89PNG\r\n\x1a\n" + _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    yield b"RIFF\0\0\0\0WEBPXMP " + struct.pack("<I", len(xmp)) + xmp
    yield b"GIF89a\x21\xff\x0bXMP DataXMP" + xmp + b"\x01" + bytes(range(255, -1, -1)) + b"\x00\x3b"
    head = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    yield b"\xff\xd8\xff\xe1" + struct.pack(">H", len(head) + 2) + head + b"\xff\xd9"
    box = b"uuid" + UUID + xmp
    yield struct.pack(">I", 16) + b"ftypisom\0\0\0\0" + struct.pack(">I", len(box) + 4) + box
    comment = _ebml(b"\x45\xa3", b"COMMENT") + _ebml(b"\x44\x87", edit)
    tags = _ebml(b"\x12\x54\xc3\x67", _ebml(b"\x73\x73", _ebml(b"\x67\xc8", comment)))
    yield _ebml(b"\x1a\x45\xdf\xa3", b"") + _ebml(b"\x18\x53\x80\x67", tags)


def _ratings() -> Iterator[bytes]:
    yield b"seed,score\n1,2\n2,3.5\n"
    yield b"\xef\xbb\xbfSeed;Score;Class\r\n1;2,5;cat\r\n"
    yield b'sep=\t\nseed\tscore\tclass\n\n7\t-1e3\t"dog"\n'


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _ebml(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) | 1 << 28).to_bytes(4) + body


MAKERS: dict[str, Any] = {
    "pickle": _pickles, "torch": _torch_files, "zip": _zips, "safetensors": _safetensors, "vectors": _vectors,
    "direction": _directions, "message": _messages, "sandbox": _sandbox_answers, "recipe": _recipes,
    "ratings": _ratings,
}  # fmt: skip
