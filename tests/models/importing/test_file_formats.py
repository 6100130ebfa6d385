"""The table of file formats, against files that the libraries themselves write and against short beginnings."""

from __future__ import annotations

import io
import json
import pickle  # noqa: TID251 - to write what must never be loaded
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from models.importing import file_formats
from models.importing.file_formats import FileFormat, detect_format, detect_upload, detect_zip, zip_names
from tests.onnx_files import brightness

STATE = {"a": torch.ones(3)}


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    """The bytes that `write` writes to a file."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def image(format: str) -> bytes:
    return written(lambda file: Image.new("RGB", (8, 8), "red").save(file, format))


def archive(*names: str) -> bytes:
    def write(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w") as made:
            for name in names:
                made.writestr(name, b"x")

    return written(write)


WRITTEN: dict[str, tuple[bytes, FileFormat]] = {
    "PNG": (image("PNG"), file_formats.PNG),
    "JPEG": (image("JPEG"), file_formats.JPEG),
    "GIF": (image("GIF"), file_formats.GIF),
    "WebP": (image("WEBP"), file_formats.WEBP),
    "pickle": (pickle.dumps([1], 4), file_formats.PICKLE),
    "legacy PyTorch": (
        written(lambda file: torch.save(STATE, file, _use_new_zipfile_serialization=False)), file_formats.TORCH_LEGACY,
    ),
    "PyTorch": (written(lambda file: torch.save(STATE, file)), file_formats.TORCH_ZIP),
    "safetensors": (safetensors.torch.save(STATE), file_formats.SAFETENSORS),
    "direction": (
        safetensors.torch.save(STATE, metadata={file_formats.DIRECTION_KEY: "{}"}), file_formats.DIRECTION,
    ),
    "other safetensors metadata": (
        safetensors.torch.save(STATE, metadata={"format": "latentwalk.direction"}), file_formats.SAFETENSORS,
    ),
    "ONNX": (brightness(), file_formats.ONNX),
    "npy": (written(lambda file: np.save(file, np.zeros(3))), file_formats.NPY),
    "npz": (written(lambda file: np.savez(file, a=np.zeros(3))), file_formats.NPZ),
    "frames and a recipe": (archive("frame-0001.png", "recipe.json"), file_formats.ZIP),
    "JSON": (json.dumps({"keyframes": []}, indent=1).encode(), file_formats.JSON),
    "CSV": ("image,score\nä.png,3\n".encode(), file_formats.TEXT),
}  # fmt: skip
HEADS = {
    b"RIFF\x24\x00\x00\x00WAVEfmt ": file_formats.WAV,
    b"RIFF\x24\x00\x00\x00AVI LIST": file_formats.UNKNOWN,
    b"FORM\x00\x00\x00\x24AIFFCOMM": file_formats.AIFF,
    b"ID3\x04\x00": file_formats.MP3,
    b"\xff\xfb\x90\x00": file_formats.MP3,
    b"\xff\xf1\x50\x80": file_formats.AAC,
    b"fLaC\x00": file_formats.FLAC,
    b"OggS\x00": file_formats.OGG,
    b"\x00\x00\x00\x18ftypisom": file_formats.MP4,
    b"\x00\x00\x00\x18ftypM4A ": file_formats.M4A,
    b"\x00\x00\x00\x18ftypavif": file_formats.AVIF,
    b"\x1aE\xdf\xa3\x80": file_formats.WEBM,
    b"\x80\x09N.": file_formats.UNKNOWN,
    b"\x08": file_formats.UNKNOWN,
    b"\x08\x08\x28\x01": file_formats.ONNX,
    b"\x08\x00\x00\x00ORTM": file_formats.ONNXRUNTIME,
    b"\x7fELF\x02": file_formats.PROGRAM,
    b"\x1f\x8b\x08": file_formats.GZIP,
    b"version https://git-lfs.github.com/spec/v1\n": file_formats.LFS_POINTER,
    b" <!doctype html>": file_formats.MARKUP,
    "größer".encode(): file_formats.TEXT,
    "größer".encode()[:3]: file_formats.TEXT,  # cut off inside a character
    b"text\x00with zeros": file_formats.UNKNOWN,
    b"": file_formats.UNKNOWN,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_files_of_the_usual_libraries_are_recognised(name: str) -> None:
    data, format = WRITTEN[name]
    assert detect_upload(data, len(data)) is format
    assert detect_upload(data[: file_formats.HEAD], len(data)) is format


@pytest.mark.parametrize(("head", "format"), HEADS.items())
def test_a_format_is_recognised_by_its_first_bytes(head: bytes, format: FileFormat) -> None:
    assert detect_format(head) is format
    assert detect_format(memoryview(head)) is format


def test_512_bytes_and_the_size_suffice() -> None:
    for name, (data, format) in WRITTEN.items():
        if format not in (file_formats.TORCH_ZIP, file_formats.NPZ, file_formats.DIRECTION):
            assert detect_format(data[:512], len(data)) is format, name


@pytest.mark.parametrize("start", [b"MZ", b"<", b"x\x01", b"ZF", b"#"])
def test_a_safetensors_length_may_look_like_another_signature(start: bytes) -> None:
    length = int.from_bytes(start.ljust(8, b"\0"), "little")
    assert detect_format(start.ljust(8, b"\0") + b"{" + b" " * length) is file_formats.SAFETENSORS


def test_a_safetensors_header_must_fit_into_the_file() -> None:
    head = struct.pack("<Q", 1000) + b'{"a"'
    assert detect_format(head, 2000) is file_formats.SAFETENSORS
    assert detect_format(head, 1007) is not file_formats.SAFETENSORS


@pytest.mark.parametrize(
    ("names", "format"),
    [
        (["a/data.pkl", "a/constants.pkl"], file_formats.TORCHSCRIPT),
        (["a/archive_format", "a/data.pkl.json"], file_formats.TORCH_EXPORT),
        (["config.json", "model.weights.h5"], file_formats.KERAS),
        (["a.npy", "readme.txt"], file_formats.ZIP),
        ([], file_formats.ZIP),
    ],
)
def test_a_zip_archive_is_recognised_by_its_members(names: list[str], format: FileFormat) -> None:
    assert detect_zip(names) is format


def test_the_members_of_a_damaged_archive_are_none() -> None:
    data = archive("a", "b/c")
    assert zip_names(data) == ["a", "b/c"]
    assert zip_names(data[:-10]) is None


def test_every_format_has_its_own_identifier_and_a_noun_phrase() -> None:
    formats = [value for value in vars(file_formats).values() if isinstance(value, FileFormat)]
    assert len({format.id for format in formats}) == len(formats) > 40
    assert all(format.description.startswith(("a ", "an ")) for format in formats)
