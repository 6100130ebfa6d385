"""Writes the files that other programs write: pickles opcode by opcode, torch's two formats, zip archives."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage",
    "int32": "IntStorage", "uint8": "ByteStorage", "bool": "BoolStorage",
}  # fmt: skip


@dataclass(frozen=True)
class Global:
    module: str
    name: str


@dataclass(eq=False)
class Call:
    """A call of a global (REDUCE, or NEWOBJ if `new`), then given a state or items."""

    what: Any
    args: Any = ()
    state: Any = None
    pairs: Mapping[Any, Any] | None = None
    new: bool = False


@dataclass(frozen=True, eq=False)
class Persistent:
    key: Any


@dataclass(frozen=True, eq=False)
class RawOpcodes:
    """Opcodes that are written as they are."""

    code: bytes


@dataclass(eq=False)
class TensorValue:
    """An array that is written as a tensor; `stride` and the other fields may contradict it."""

    array: np.ndarray
    parameter: bool = False
    offset: int = 0
    shape: tuple[Any, ...] | None = None
    stride: tuple[Any, ...] | None = None
    numel: int | None = None


@dataclass
class Pickler:
    """Writes a pickle of protocol 2 or 4. If `nested`, storages are embedded files, else persistent ids."""

    protocol: int = 4
    nested: bool = True
    out: bytearray = field(default_factory=bytearray)
    memo: dict[int, int] = field(default_factory=dict)
    references: list[Any] = field(default_factory=list)
    arrays: list[np.ndarray] = field(default_factory=list)

    def write(self, value: Any) -> bytes:
        self.out += b"\x80" + bytes([self.protocol])
        self.put(value)
        return bytes(self.out + b".")

    def put(self, value: Any) -> None:
        if id(value) in self.memo and isinstance(value, str | dict | Call):
            self.out += b"j" + struct.pack("<I", self.memo[id(value)])
            return
        self.emit(value)
        if isinstance(value, str | Call):
            self.remember(value)

    def remember(self, value: Any) -> None:
        self.memo[id(value)] = len(self.memo)
        self.references.append(value)
        self.out += b"r" + struct.pack("<I", self.memo[id(value)])

    def emit(self, value: Any) -> None:  # one case per type
        out = self.out
        if value is None or isinstance(value, bool):
            out += b"N" if value is None else b"\x88" if value else b"\x89"
        elif isinstance(value, int):
            if 0 <= value < 256:
                out += b"K" + bytes([value])
            elif -(2**31) <= value < 2**31:
                out += b"J" + struct.pack("<i", value)
            else:
                raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
                out += b"\x8a" + bytes([len(raw)]) + raw
        elif isinstance(value, float):
            out += b"G" + struct.pack(">d", value)
        elif isinstance(value, str):
            raw = value.encode()
            out += b"X" + struct.pack("<I", len(raw)) + raw
        elif isinstance(value, bytes):
            out += b"B" + struct.pack("<I", len(value)) + value
        elif isinstance(value, tuple):
            out += b"("
            for part in value:
                self.put(part)
            out += b"t"
        elif isinstance(value, list):
            out += b"]("
            for part in value:
                self.put(part)
            out += b"e"
        elif isinstance(value, dict):
            out += b"}"
            self.remember(value)
            self.put_items(value)
        elif isinstance(value, set):
            self.emit(Call(Global("builtins", "set"), (sorted(value),)))
        elif isinstance(value, Global):
            if self.protocol >= 4:
                self.put(value.module)
                self.put(value.name)
                out += b"\x93"
            else:
                out += f"c{value.module}\n{value.name}\n".encode()
        elif isinstance(value, Call):
            self.put(value.what)
            self.put(value.args)
            out += b"\x81" if value.new else b"R"
            if value.pairs is not None:
                self.put_items(value.pairs)
            if value.state is not None:
                self.put(value.state)
                out += b"b"
        elif isinstance(value, Persistent):
            self.put(value.key)
            out += b"Q"
        elif isinstance(value, RawOpcodes):
            out += value.code
        elif isinstance(value, TensorValue):
            self.emit(self.tensor(value))
        elif isinstance(value, np.ndarray):
            self.emit(numpy_array(value))
        elif isinstance(value, np.generic):
            kind = numpy_dtype(value.dtype)
            self.emit(Call(Global("numpy.core.multiarray", "scalar"), (kind, value.tobytes())))
        else:
            raise TypeError(type(value))

    def put_items(self, pairs: Mapping[Any, Any]) -> None:
        self.out += b"("
        for key, part in pairs.items():
            self.put(key)
            self.put(part)
        self.out += b"u"

    def tensor(self, value: TensorValue) -> Call:
        array = np.array(value.array, order="C")
        shape = array.shape if value.shape is None else value.shape
        steps = tuple(step // array.itemsize for step in array.strides) if value.stride is None else value.stride
        args = (self.storage(array, value.numel), value.offset, shape, steps, False, Call(ORDERED))
        made = Call(Global("torch._utils", "_rebuild_tensor_v2"), args)
        return (
            Call(Global("torch._utils", "_rebuild_parameter"), (made, True, Call(ORDERED))) if value.parameter else made
        )

    def storage(self, array: np.ndarray, numel: int | None) -> Any:
        if self.nested:
            return Call(Global("torch.storage", "_load_from_bytes"), (legacy_storage(array, numel),))
        self.arrays.append(array)
        count = array.size if numel is None else numel
        return Persistent(
            ("storage", Global("torch", STORAGES[array.dtype.name]), str(len(self.arrays) - 1), "cpu", count)
        )


ORDERED = Global("collections", "OrderedDict")


def pickle_bytes(value: Any, protocol: int = 4) -> bytes:
    return Pickler(protocol).write(value)


def numpy_dtype(kind: np.dtype[Any]) -> Call:
    order = "|" if kind.itemsize == 1 else "<"
    return Call(Global("numpy", "dtype"), (kind.str[1:], False, True), (3, order, None, None, None, -1, -1, 0))


def numpy_array(array: np.ndarray) -> Call:
    made = (Global("numpy", "ndarray"), (0,), b"b")
    state = (1, array.shape, numpy_dtype(array.dtype), False, array.tobytes())
    return Call(Global("numpy.core.multiarray", "_reconstruct"), made, state)


def legacy_header(little: bool = True) -> bytes:
    sizes = {"short": 2, "int": 4, "long": 4}
    told = {"protocol_version": 1001, "little_endian": little, "type_sizes": sizes}
    return b"".join(Pickler(2).write(part) for part in (MAGIC, 1001, told))


def legacy_storage(array: np.ndarray, numel: int | None = None) -> bytes:
    """A single storage as torch.save writes it."""
    count = array.size if numel is None else numel
    key = ("storage", Global("torch", STORAGES[array.dtype.name]), "94", "cpu", count, None)
    body = Pickler(2).write(Persistent(key)) + Pickler(2).write(["94"])
    return legacy_header() + body + struct.pack("<q", count) + array.tobytes()


def legacy_file(value: Any, little: bool = True) -> bytes:
    """A file in torch's legacy format."""
    writer = LegacyPickler(2, nested=False)
    body = writer.write(value)
    keys = [str(number) for number in range(len(writer.arrays))]
    rows = [struct.pack("<q", array.size) + array.tobytes() for array in writer.arrays]
    return legacy_header(little) + body + Pickler(2).write(keys) + b"".join(rows)


class LegacyPickler(Pickler):
    """A pickler for the legacy format, whose persistent ids have a sixth part."""

    def storage(self, array: np.ndarray, numel: int | None) -> Any:
        made = super().storage(array, numel)
        return Persistent((*made.key, None))


def torch_zip(value: Any, **lies: Any) -> bytes:
    """A file in torch's zip format."""
    writer = Pickler(2, nested=False)
    body = writer.write(value)
    rows = {f"archive/data/{number}": array.tobytes() for number, array in enumerate(writer.arrays)}
    return zip_bytes(
        {"archive/data.pkl": body, "archive/byteorder": b"little", **rows, "archive/version": b"3\n"}, **lies
    )


@dataclass(frozen=True)
class Member:
    """A file in an archive, and what the archive's directory says of it."""

    name: str
    data: bytes
    method: int = 0
    flags: int = 0
    outer: int = 0
    size: int | None = None
    start: int | None = None
    local: str | None = None


def zip_bytes(members: Mapping[str, bytes] | Sequence[Member], count: int | None = None, zip64: bool = False) -> bytes:
    """An uncompressed zip archive. `count` overrides the number of members; `zip64` adds the 64-bit end records."""
    rows = [Member(*pair) for pair in members.items()] if isinstance(members, Mapping) else members
    body, directory = bytearray(), bytearray()
    for row in rows:
        start = len(body) if row.start is None else row.start
        size = len(row.data) if row.size is None else row.size
        local = (row.name if row.local is None else row.local).encode()
        body += b"PK\x03\x04" + struct.pack("<5H3I2H", 20, row.flags, row.method, 0, 0, 0, size, size, len(local), 0)
        body += local + row.data
        name = row.name.encode()
        fields = (20, 20, row.flags, row.method, 0, 0, 0, size, size, len(name), 0, 0, 0, 0, row.outer, start)
        directory += b"PK\x01\x02" + struct.pack("<6H3I5H2I", *fields) + name
    number = len(rows) if count is None else count
    end = bytearray()
    if zip64:
        end += b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 20, 20, 0, 0, number, number, len(directory), len(body))
        end += b"PK\x06\x07" + struct.pack("<IQI", 0, len(body) + len(directory), 1)
        end += b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    else:
        end += b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, number, number, len(directory), len(body), 0)
    return bytes(body + directory + end)
