"""Extracts the recipe from an exported file by walking its chunks. Files are untrusted, and no image is decoded."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from latentwalk.errors import Invalid
from latentwalk.films.encoding.image_writers import GIF_XMP_END, XMP_KEY, png_chunks, riff_chunks
from latentwalk.provenance.xmp import UUID, recipe_in
from latentwalk.rendering.image_codec import KEYWORD
from models.importing import file_formats
from models.importing.file_formats import FileFormat

LARGEST_FILE = 64 * 2**20
LARGEST_RECIPE = 2**20
MOST_BOXES = 100_000
SIGNABLE = (file_formats.PNG, file_formats.WEBP, file_formats.GIF, file_formats.JPEG, file_formats.MP4)  # by C2PA
TAGS, TAG, SIMPLE, NAME, TEXT, SEGMENT = 0x1254C367, 0x7373, 0x67C8, 0x45A3, 0x4487, 0x18538067
Recipe = tuple[str, Any]


def recipe_of(data: bytes) -> Recipe:
    """The kind ("walk" or "edit") and the decoded JSON of the recipe that a file carries, or is.

    Raises Invalid where there is none.
    """
    readers: Mapping[FileFormat, Callable[[bytes], Recipe | None]] = {
        file_formats.PNG: _png, file_formats.WEBP: _webp, file_formats.GIF: _gif, file_formats.JPEG: _jpg,
        file_formats.MP4: _mp4, file_formats.WEBM: _webm, file_formats.ZIP: _zip, file_formats.JSON: _json,
    }  # fmt: skip
    reader = readers.get(file_formats.detect_format(data))
    recipe = reader(data) if reader else None
    if recipe is None:
        hint = "Many programs and sites remove it: use the file as it was downloaded."
        raise Invalid("The file carries no recipe of a picture or walk.", hint)
    return recipe


def media_type(data: bytes) -> str:
    """The media type of a file for reading content credentials; "" where its format cannot carry them."""
    format = file_formats.detect_format(data)
    return format.media_type if format in SIGNABLE else ""


def _png(data: bytes) -> Recipe | None:
    for number, (kind, body) in enumerate(png_chunks(data)):
        if number > MOST_BOXES:
            return None
        if kind == b"iTXt" and body.startswith(XMP_KEY + b"\0"):
            recipe = recipe_in(_text(body, international=True))
            if recipe is not None:
                return recipe
        if kind in (b"tEXt", b"iTXt", b"zTXt") and body.startswith(KEYWORD.encode() + b"\0"):
            recipe = _json(_text(body, international=kind == b"iTXt", compressed=kind == b"zTXt"))
            if recipe is not None:
                return recipe
    return None


def _webp(data: bytes) -> Recipe | None:
    packets = (body for name, body in riff_chunks(data) if name == b"XMP ")
    return _first(packets)


def _gif(data: bytes) -> Recipe | None:
    start = data.find(b"XMP DataXMP")
    end = data.find(GIF_XMP_END[:8], start)
    return recipe_in(data[start + 11 : end]) if 0 <= start < end else None


def _jpg(data: bytes) -> Recipe | None:
    head, at = b"http://ns.adobe.com/xap/1.0/\0", 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xD9, 0xDA):
        size = int.from_bytes(data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + size]
        if data[at + 1] == 0xE1 and body.startswith(head):
            return recipe_in(body[len(head) :])
        at += 2 + max(size, 2)
    return None


def _mp4(data: bytes) -> Recipe | None:
    at = 0
    for _ in range(MOST_BOXES):
        if at + 8 > len(data):
            return None
        size, start = int.from_bytes(data[at : at + 4]), at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16]), at + 16
        end = len(data) if size == 0 else at + size
        if end < start or end > len(data):
            return None
        if data[at + 4 : at + 8] == b"uuid" and data[start : start + 16] == UUID:
            return recipe_in(data[start + 16 : end])
        at = end
    return None


def _webm(data: bytes) -> Recipe | None:
    texts = []
    for tag, begin, end in _elements(data, 0, len(data), (SEGMENT, TAGS, TAG)):
        if tag == SIMPLE:
            parts = {inner: data[a:b] for inner, a, b in _elements(data, begin, end, ())}
            if parts.get(NAME, b"").rstrip(b"\0").upper() == b"COMMENT":
                texts.append(parts.get(TEXT, b"").rstrip(b"\0"))
    return next((recipe for text in texts if (recipe := _json(text)) is not None), None)


def _elements(data: bytes, at: int, end: int, inside: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    # EBML elements (RFC 8794) between two offsets; elements whose ids are in `inside` are descended into, three levels.
    stack, count = [(at, end)], 0
    while stack:
        at, end = stack.pop()
        while at < end and count < MOST_BOXES:
            count += 1
            kind, start = _number(data, at, end, marked=True)
            size, start = _number(data, start, end, marked=False)
            if kind is None or size is None:
                break
            stop = end if size < 0 else min(start + size, end)  # an element of unknown size reaches to the end
            if kind in inside and len(stack) < 4:
                stack.append((stop, end))
                at, end = start, stop
                continue
            yield kind, start, stop
            at = stop


def _number(data: bytes, at: int, end: int, *, marked: bool) -> tuple[int | None, int]:
    if at >= end or data[at] == 0:
        return None, at
    length = 9 - data[at].bit_length()
    if at + length > end:
        return None, at
    value = int.from_bytes(data[at : at + length])
    if marked:
        return value, at + length
    bits = value & (1 << 7 * length) - 1
    return (-1 if bits == (1 << 7 * length) - 1 else bits), at + length


def _zip(data: bytes) -> Recipe | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            info = opened.getinfo("recipe.json")
            if info.file_size > LARGEST_RECIPE or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                return None
            with opened.open(info) as file:
                return _json(file.read(LARGEST_RECIPE))
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, zlib.error):
        return None


def _json(text: bytes) -> Recipe | None:
    # JSON that does not state its kind: walks have keyframes, edits a base.
    if len(text) > LARGEST_RECIPE:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("claim"), dict):  # a sidecar
        value = value["claim"].get("recipe")
        if not isinstance(value, dict):
            return None
    return ("walk", value) if "keyframes" in value else ("edit", value) if "base" in value else None


def _first(packets: Iterator[bytes]) -> Recipe | None:
    return next((recipe for packet in packets if (recipe := recipe_in(packet)) is not None), None)


def _text(body: bytes, *, international: bool, compressed: bool = False) -> bytes:
    # The text of a PNG chunk after its keyword, decompressed up to a limit.
    rest = body[body.index(b"\0") + 1 :]
    if international:
        compressed, rest = rest[:1] == b"\1", rest[2:]
        for _ in range(2):
            rest = rest[rest.find(b"\0") + 1 :]
    elif compressed:
        rest = rest[1:]
    if not compressed:
        return rest
    decompressor = zlib.decompressobj()
    try:
        return decompressor.decompress(rest, LARGEST_RECIPE)
    except zlib.error:
        return b""
