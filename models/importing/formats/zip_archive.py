"""A zip archive's directory, read by hand and strictly: what PyTorch writes, stored and in one piece, and nothing else.

Layouts are those of PKWARE's APPNOTE (4.3). Nothing is unpacked, a member is a view of the file's own bytes, but for
numpy's compressed archives, whose members are inflated up to a limit.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.tensor_bytes import CUT

END, CENTRAL, LOCAL, END64, LOCATOR64 = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04", b"PK\x06\x06", b"PK\x06\x07"
LINK = 0o120000
DIRECTORY = "Its directory, the list of what is in it, makes no sense."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member's local header begins, the size of its bytes in the file, and what they are once inflated."""

    start: int
    size: int
    whole: int
    deflated: bool


def members(data: memoryview, budget: Budget, inflate: int = 0) -> dict[str, memoryview]:
    """Every member's bytes by name. Refused for anything encrypted, twofold, overlapping or linked, and for what is
    compressed, unless up to `inflate` bytes may be made of it in all.
    """
    count, start, size = _end(data)
    if count > budget.limits.members:
        raise FileRefused(f"It has over {budget.limits.members:,} files inside.")
    places: dict[str, Place] = {}
    at = start
    for _ in range(count):
        name, place, at = _entry(data, at, inflate > 0)
        if name in places:
            raise FileRefused(f"It has “{name[:80]}” twice.")
        places[name] = place
    if at != start + size:
        raise FileRefused(DIRECTORY, CUT)
    found, last = {}, 0
    for name, place in sorted(places.items(), key=lambda pair: pair[1].start):
        if place.start < last:
            raise FileRefused("Files inside it lie over one another.")
        first = _begin(data, place.start, name, place.deflated)
        last = first + place.size
        if last > start:
            raise FileRefused(DIRECTORY, CUT)
        found[name] = data[first:last]
        if place.deflated:
            found[name], inflate = _inflated(found[name], place.whole, inflate)
    return found


def _inflated(data: memoryview, whole: int, room: int) -> tuple[memoryview, int]:
    if whole > room:
        raise FileRefused("Unpacked, it would be larger than any such file.")
    try:
        stream = zlib.decompressobj(-15)
        made = stream.decompress(data, whole + 1)
    except zlib.error:
        raise FileRefused("A compressed part of it is damaged.", CUT) from None
    if len(made) != whole or not stream.eof:
        raise FileRefused("A compressed part of it has another size than is said of it.", CUT)
    return memoryview(made), room - whole


def _end(data: memoryview) -> tuple[int, int, int]:
    # The end record is the last 22 bytes; a comment behind it is nothing that PyTorch writes.
    if len(data) < 22 or bytes(data[-22:-18]) != END:
        raise FileRefused("It is a damaged zip archive: its end is missing.", CUT)
    disk, first, here, count, size, start, comment = struct.unpack("<4H2IH", data[-18:])
    if (disk, first, comment) != (0, 0, 0) or here != count:
        raise FileRefused(DIRECTORY)
    edge = len(data) - 22
    if count == 0xFFFF or size == 0xFFFFFFFF or start == 0xFFFFFFFF or bytes(data[edge - 20 : edge - 16]) == LOCATOR64:
        count, size, start, edge = _end64(data, edge)
    if start + size != edge:
        raise FileRefused(DIRECTORY)
    return count, start, size


def _end64(data: memoryview, edge: int) -> tuple[int, int, int, int]:
    if edge < 76 or bytes(data[edge - 20 : edge - 16]) != LOCATOR64:
        raise FileRefused(DIRECTORY)
    disk, place, disks = struct.unpack("<IQI", data[edge - 16 : edge])
    if disk != 0 or disks != 1 or place != edge - 76 or bytes(data[place : place + 4]) != END64:
        raise FileRefused(DIRECTORY)
    length, _, _, this, first, here, count, size, start = struct.unpack("<Q2H2I4Q", data[place + 4 : place + 56])
    if length != 44 or (this, first) != (0, 0) or here != count:
        raise FileRefused(DIRECTORY)
    return count, size, start, place


def _entry(data: memoryview, at: int, deflated: bool) -> tuple[str, Place, int]:
    if len(data) - at < 46 or bytes(data[at : at + 4]) != CENTRAL:
        raise FileRefused(DIRECTORY, CUT)
    fields = struct.unpack("<6H3I5H2I", data[at + 4 : at + 46])
    _, _, flags, method, _, _, _, packed, size, named, extra, remark, disk, _, outer, start = fields
    behind = at + 46 + named + extra + remark
    if behind > len(data):
        raise FileRefused(DIRECTORY, CUT)
    name = _safe(bytes(data[at + 46 : at + 46 + named]))
    if 0xFFFFFFFF in (packed, size, start):
        packed, size, start = _wide(data[at + 46 + named : at + 46 + named + extra], packed, size, start)
    if flags & 0x41:
        raise FileRefused("It is encrypted.", "Save it again without a password.")
    if not (method == 0 and packed == size) and not (deflated and method == 8):
        raise FileRefused(
            "It is compressed, which PyTorch's own files are not.", "Unpack it, or save it again with PyTorch."
        )
    if (outer >> 16) & 0o170000 == LINK or disk != 0:
        raise FileRefused(f"It has a link to somewhere else in it, “{name[:80]}”.")
    return name, Place(start, packed, size, method == 8), behind


def _wide(extra: memoryview, packed: int, size: int, start: int) -> tuple[int, int, int]:
    # The field of 64-bit sizes has, in this order, only those that are marked as too large above.
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack("<2H", extra[at : at + 4])
        if kind == 1:
            body = extra[at + 4 : at + 4 + length]
            values = [int.from_bytes(body[place : place + 8], "little") for place in range(0, len(body) - 7, 8)]
            sizes = []
            for marked in (size, packed, start):
                sizes.append(values.pop(0) if marked == 0xFFFFFFFF and values else marked)
            return sizes[1], sizes[0], sizes[2]
        at += 4 + length
    raise FileRefused(DIRECTORY)


def _begin(data: memoryview, at: int, name: str, deflated: bool) -> int:
    if len(data) - at < 30 or bytes(data[at : at + 4]) != LOCAL:
        raise FileRefused(DIRECTORY, CUT)
    flags, method = struct.unpack("<2H", data[at + 6 : at + 10])
    named, extra = struct.unpack("<2H", data[at + 26 : at + 30])
    if method != (8 if deflated else 0) or flags & 0x41 or _safe(bytes(data[at + 30 : at + 30 + named])) != name:
        raise FileRefused("It says one thing of a file inside it in its directory and another beside the file.")
    return at + 30 + int(named) + int(extra)


def _safe(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise FileRefused("A name of a file inside it is no text.") from None
    if not name or name.startswith("/") or "\\" in name or "\0" in name or ":" in name or ".." in name.split("/"):
        raise FileRefused(f"A file inside it has the name “{name[:80]}”, which leads out of it.")
    return name
