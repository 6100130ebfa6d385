"""The live socket's frames: a fixed header of 32 bytes, big-endian, then the picture's file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from latentwalk.rendering.frame import Frame
from latentwalk.rendering.image_codec import Format

HEADER = struct.Struct(">HBBIHHHHIIII")
MAGIC = 0x4C57  # "LW"
VERSION = 1
CODECS: dict[Format, int] = {"jpg": 1, "png": 2, "webp": 3}
SETTLED = 1
LARGEST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Header:
    """What a frame says of itself; times in microseconds."""

    rev: int
    codec: Format
    width: int
    height: int
    settled: bool
    batch: int
    wait_us: int
    render_us: int
    encode_us: int


def pack(rev: int, frame: Frame, *, settled: bool) -> bytes:
    """One message for the socket."""
    times = (min(round(seconds * 1e6), LARGEST) for seconds in (frame.waited, frame.rendered, frame.encoded))
    header = HEADER.pack(
        MAGIC, VERSION, CODECS[frame.format], rev, frame.width, frame.height,
        SETTLED if settled else 0, frame.batch, *times, 0,
    )  # fmt: skip
    return header + frame.data


def unpack(message: bytes) -> tuple[Header, bytes]:
    """The inverse; ValueError for what is not a frame."""
    if len(message) < HEADER.size:
        raise ValueError("a frame is at least its header")
    magic, version, codec, rev, width, height, flags, batch, *times, _ = HEADER.unpack_from(message)
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError("that is not a frame of this version")
    names = {number: name for name, number in CODECS.items()}
    settled = bool(flags & SETTLED)
    return Header(rev, names[codec], width, height, settled, batch, *times), message[HEADER.size :]
