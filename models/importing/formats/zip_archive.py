"""A strict reader of zip archives: of what PyTorch writes, uncompressed and in one piece, and of nothing else.

The layouts are those of PKWARE's APPNOTE (4.3). A member is a view of the file's bytes; only NumPy's compressed
archives are inflated, up to a limit.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.tensor_bytes import CUT_OFF

END, CENTRAL, LOCAL, END64, LOCATOR64 = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04", b"PK\x06\x06", b"PK\x06\x07"
STORED, DEFLATED = 0, 8  # compression methods
ENCRYPTED = 0x41  # general purpose flags: traditional and strong encryption
FILE_TYPE, SYMLINK = 0o170000, 0o120000  # of a Unix mode
INVALID_DIRECTORY = "The directory of the zip archive is invalid."


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a member's local header begins, the size of its bytes in the file, and their size once inflated."""

    start: int
    stored_size: int
    size: int
    deflated: bool


def read_members(data: memoryview, budget: Budget, max_inflated: int = 0) -> dict[str, memoryview]:
    """Every member's bytes by name.

    Raises FileRefused for members that are encrypted, duplicate, overlapping or links, for names that lead out of the
    archive, and for compressed members, unless `max_inflated` bytes suffice for all of them together.
    """
    count, start, size = _read_end(data)
    if count > budget.limits.members:
        raise FileRefused(f"The archive has over {budget.limits.members:,} files.")
    entries: dict[str, Entry] = {}
    position = start
    for _ in range(count):
        name, entry, position = _read_entry(data, position, max_inflated > 0)
        if name in entries:
            raise FileRefused(f"The archive holds “{name[:80]}” twice.")
        entries[name] = entry
    if position != start + size:
        raise FileRefused(INVALID_DIRECTORY, CUT_OFF)
    members, last = {}, 0
    for name, entry in sorted(entries.items(), key=lambda pair: pair[1].start):
        if entry.start < last:
            raise FileRefused("Files in the archive overlap.")
        first = _data_start(data, entry.start, name, entry.deflated)
        last = first + entry.stored_size
        if last > start:
            raise FileRefused(INVALID_DIRECTORY, CUT_OFF)
        members[name] = data[first:last]
        if entry.deflated:
            members[name] = _inflate(members[name], entry.size, max_inflated)
            max_inflated -= entry.size
    return members


def _inflate(data: memoryview, size: int, max_size: int) -> memoryview:
    if size > max_size:
        raise FileRefused("The archive is too large once it is unpacked.")
    try:
        stream = zlib.decompressobj(-15)
        inflated = stream.decompress(data, size + 1)
    except zlib.error:
        raise FileRefused("A compressed file in the archive is damaged.", CUT_OFF) from None
    if len(inflated) != size or not stream.eof:
        raise FileRefused("A compressed file in the archive has another size than its directory says.", CUT_OFF)
    return memoryview(inflated)


def _read_end(data: memoryview) -> tuple[int, int, int]:
    # The number of members, and the start and size of the directory. The end record is the last 22 bytes: PyTorch
    # writes no comment behind it.
    if len(data) < 22 or bytes(data[-22:-18]) != END:
        raise FileRefused("The zip archive is damaged: its end is missing.", CUT_OFF)
    disk, first_disk, disk_count, count, size, start, comment = struct.unpack("<4H2IH", data[-18:])
    if (disk, first_disk, comment) != (0, 0, 0) or disk_count != count:
        raise FileRefused(INVALID_DIRECTORY)
    end = len(data) - 22
    if count == 0xFFFF or size == 0xFFFFFFFF or start == 0xFFFFFFFF or bytes(data[end - 20 : end - 16]) == LOCATOR64:
        count, size, start, end = _read_end64(data, end)
    if start + size != end:
        raise FileRefused(INVALID_DIRECTORY)
    return count, start, size


def _read_end64(data: memoryview, end: int) -> tuple[int, int, int, int]:
    if end < 76 or bytes(data[end - 20 : end - 16]) != LOCATOR64:
        raise FileRefused(INVALID_DIRECTORY)
    disk, record, disks = struct.unpack("<IQI", data[end - 16 : end])
    if disk != 0 or disks != 1 or record != end - 76 or bytes(data[record : record + 4]) != END64:
        raise FileRefused(INVALID_DIRECTORY)
    length, _, _, disk, first_disk, disk_count, count, size, start = struct.unpack(
        "<Q2H2I4Q", data[record + 4 : record + 56]
    )
    if length != 44 or (disk, first_disk) != (0, 0) or disk_count != count:
        raise FileRefused(INVALID_DIRECTORY)
    return count, size, start, record


def _read_entry(data: memoryview, position: int, allow_deflated: bool) -> tuple[str, Entry, int]:
    if len(data) - position < 46 or bytes(data[position : position + 4]) != CENTRAL:
        raise FileRefused(INVALID_DIRECTORY, CUT_OFF)
    fields = struct.unpack("<6H3I5H2I", data[position + 4 : position + 46])
    _, _, flags, method, _, _, _, stored_size, size, name_size, extra_size, comment_size, disk, _, attributes, start = (
        fields
    )
    extra = position + 46 + name_size
    end = extra + extra_size + comment_size
    if end > len(data):
        raise FileRefused(INVALID_DIRECTORY, CUT_OFF)
    name = _check_name(bytes(data[position + 46 : extra]))
    if 0xFFFFFFFF in (stored_size, size, start):
        stored_size, size, start = _read_sizes64(data[extra : extra + extra_size], stored_size, size, start)
    if flags & ENCRYPTED:
        raise FileRefused("The archive is encrypted.", "Save it again without a password.")
    if not (method == STORED and stored_size == size) and not (allow_deflated and method == DEFLATED):
        raise FileRefused(
            "The archive is compressed, which PyTorch's own files are not.", "Unpack it, or save it again with PyTorch."
        )
    if (attributes >> 16) & FILE_TYPE == SYMLINK or disk != 0:
        raise FileRefused(f"The archive holds a symbolic link, “{name[:80]}”.")
    return name, Entry(start, stored_size, size, method == DEFLATED), end


def _read_sizes64(extra: memoryview, stored_size: int, size: int, start: int) -> tuple[int, int, int]:
    # The extra field with 64-bit sizes holds, in this order, only those that the entry marks as too large.
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack("<2H", extra[position : position + 4])
        if kind == 1:
            body = extra[position + 4 : position + 4 + length]
            values = [int.from_bytes(body[at : at + 8], "little") for at in range(0, len(body) - 7, 8)]
            sizes = []
            for field in (size, stored_size, start):
                sizes.append(values.pop(0) if field == 0xFFFFFFFF and values else field)
            return sizes[1], sizes[0], sizes[2]
        position += 4 + length
    raise FileRefused(INVALID_DIRECTORY)


def _data_start(data: memoryview, position: int, name: str, deflated: bool) -> int:
    if len(data) - position < 30 or bytes(data[position : position + 4]) != LOCAL:
        raise FileRefused(INVALID_DIRECTORY, CUT_OFF)
    flags, method = struct.unpack("<2H", data[position + 6 : position + 10])
    name_size, extra_size = struct.unpack("<2H", data[position + 26 : position + 30])
    own_name = _check_name(bytes(data[position + 30 : position + 30 + name_size]))
    if method != (DEFLATED if deflated else STORED) or flags & ENCRYPTED or own_name != name:
        raise FileRefused("The archive's directory contradicts the header of a file in it.")
    return position + 30 + int(name_size) + int(extra_size)


def _check_name(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise FileRefused("The name of a file in the archive is not text.") from None
    if not name or name.startswith("/") or "\\" in name or "\0" in name or ":" in name or ".." in name.split("/"):
        raise FileRefused(f"The name “{name[:80]}” of a file in the archive leads out of it.")
    return name
