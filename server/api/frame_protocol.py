"""The frames of the live socket: a big-endian header of 32 bytes, followed by the encoded picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from latentwalk.rendering.frame import Frame
from latentwalk.rendering.image_codec import Format

HEADER = struct.Struct(">HBBIHHHHIIII")
MAGIC = 0x4C57  # "LW"
VERSION = 1
CODECS: dict[Format, int] = {"jpg": 1, "png": 2, "webp": 3}
SETTLED = 1  # flag
LARGEST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a frame; times in microseconds."""

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
    """The socket message for a frame."""
    times = (min(round(seconds * 1e6), LARGEST) for seconds in (frame.waited, frame.rendered, frame.encoded))
    header = HEADER.pack(
        MAGIC, VERSION, CODECS[frame.format], rev, frame.width, frame.height,
        SETTLED if settled else 0, frame.batch, *times, 0,
    )  # fmt: skip
    return header + frame.data


def unpack(message: bytes) -> tuple[Header, bytes]:
    """The header and the encoded picture in a message; ValueError when it is not a frame."""
    if len(message) < HEADER.size:
        raise ValueError("the message is shorter than a frame's header")
    magic, version, codec, rev, width, height, flags, batch, *times, _ = HEADER.unpack_from(message)
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError("the message is not a frame of this version")
    names = {number: name for name, number in CODECS.items()}
    if codec not in names:
        raise ValueError(f"there is no codec {codec}")
    settled = bool(flags & SETTLED)
    return Header(rev, names[codec], width, height, settled, batch, *times), message[HEADER.size :]
