"""Checkpoints that attack or are invalid, each sample by code; the name says what it tries."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.attacks.growing_pickles import growing
from tests.models.importing.official_files import REBUILD, module, stylegan2
from tests.models.importing.pickle_writer import (
    ORDERED,
    Call,
    Global,
    LegacyPickler,
    Member,
    Persistent,
    Pickler,
    RawOpcodes,
    TensorValue,
    legacy_file,
    legacy_header,
    legacy_storage,
    pickle_bytes,
    torch_zip,
    zip_bytes,
)  # fmt: skip

Make = Callable[[str], bytes]
SMALL = np.arange(6, dtype=np.float32)
HEAD = b"\x80\x04"
GENERATOR = stylegan2().tree  # shared by the attacks that do not change it


def call(module: str, name: str, *args: Any, protocol: int = 4) -> bytes:
    """A pickle that calls a function, beside a generator so that it looks like a checkpoint."""
    return pickle_bytes({"harm": Call(Global(module, name), args), "G_ema": GENERATOR}, protocol)


def code_execution(marker: str) -> dict[str, bytes]:
    """Pickles that execute something when Python's own unpickler loads them; most create the file `marker`."""
    touch, code = f"touch {marker}", f"open({marker!r}, 'w').close()"
    nested = legacy_header() + pickle_bytes(Call(Global("os", "system"), (touch,)), 2)
    chain = Call(Global("builtins", "getattr"), (Global("os", "path"), "os"))
    generator = stylegan2().tree
    generator.args[0]["state"]["_modules"].pairs["harm"] = Call(Global("os", "system"), (touch,))
    early = pickle_bytes(Call(Global("os", "system"), (touch,)), 2)
    return {
        "os.system": call("os", "system", touch),
        "os.system, protocol 2": call("os", "system", touch, protocol=2),
        "posix.system": call("posix", "system", touch),
        "nt.system": call("nt", "system", touch),
        "builtins.eval": call("builtins", "eval", code),
        "builtins.exec": call("builtins", "exec", code),
        "__builtin__.eval of Python 2": call("__builtin__", "eval", code, protocol=2),
        "builtins.open": call("builtins", "open", marker, "w"),
        "builtins.__import__": call("builtins", "__import__", "antigravity"),
        "importlib.import_module": call("importlib", "import_module", "antigravity"),
        "subprocess.Popen": call("subprocess", "Popen", ["touch", marker]),
        "subprocess.check_output by NEWOBJ_EX": HEAD
        + Pickler(4).write(Global("subprocess", "Popen"))[2:-1]
        + Pickler(4).write((["touch", marker],))[2:-1]
        + b"}\x92.",
        "runpy.run_path": call("runpy", "run_path", marker),
        "operator.attrgetter": call("operator", "attrgetter", "system"),
        "getattr of getattr": pickle_bytes({"G_ema": Call(chain, (touch,))}),
        "a module's module": call("torch", "serialization.os.system", touch),
        "a module's module in its path": call("torch.serialization.os", "system", touch),
        "a dunder": call("torch", "Tensor.__class__.__base__", touch),
        "torch.load": call("torch", "load", marker),
        "torch.hub.load": call("torch.hub", "load", "a/b", "c"),
        "torch.utils.cpp_extension.load": call("torch.utils.cpp_extension", "load", "x", marker),
        "numpy runstring": call("numpy.testing._private.utils", "runstring", code, {}),
        "numpy.load": call("numpy", "load", marker),
        "pickle.loads": call("pickle", "loads", b"cos\nsystem\n(S'true'\ntR."),
        "socket": call("socket", "create_connection", ("localhost", 1)),
        "ctypes": call("ctypes", "CDLL", marker),
        "shutil.rmtree": call("shutil", "rmtree", marker),
        "webbrowser.open": call("webbrowser", "open", marker),
        "types.FunctionType": call("types", "FunctionType", None, {}),
        "pty.spawn": call("pty", "spawn", touch),
        "INST": HEAD + b"(S'" + touch.encode() + b"'\nios\nsystem\n.",
        "OBJ": HEAD + b"(cos\nsystem\nS'" + touch.encode() + b"'\no.",
        "protocol 0": b"cos\nsystem\n(S'" + touch.encode() + b"'\ntR.",
        "two pickles, a call in the second": pickle_bytes({"G_ema": GENERATOR}) + early,
        "a call in the first of torch's pickles": early + legacy_file({"g_ema": {"a": TensorValue(SMALL)}}),
        "a call in a storage": pickle_bytes({"G_ema": Call(Global("torch.storage", "_load_from_bytes"), (nested,))}),
        "a call among the modules": pickle_bytes({"G_ema": generator}),
        "a call in torch's zip": torch_zip(
            {"g_ema": {"a": TensorValue(SMALL)}, "x": Call(Global("os", "system"), (touch,))}
        ),
        "a call in torch's old format": legacy_file({"g_ema": {}, "x": Call(Global("os", "system"), (touch,))}),
        "a call in a persistent id": torch_zip({"a": Persistent(("storage", Call(Global("os", "system"), (touch,))))}),
    }


def nested_files(times: int) -> bytes:
    data = legacy_storage(SMALL)
    for _ in range(times):
        data = (
            legacy_header()
            + pickle_bytes(Call(Global("torch.storage", "_load_from_bytes"), (data,)), 2)
            + pickle_bytes([], 2)
        )
    return pickle_bytes({"G_ema": Call(Global("torch.storage", "_load_from_bytes"), (data,))})


def with_tensor(**lies: Any) -> bytes:
    """An NVIDIA pickle in which one tensor is replaced, or described falsely."""
    sample = stylegan2()
    parameters = sample.tree.args[0]["state"]["_modules"].pairs["synthesis"].args[0]["state"]["_modules"]
    block = parameters.pairs["b4"].args[0]["state"]["_parameters"].pairs
    given = block["const"]
    block["const"] = lies.pop("instead") if "instead" in lies else TensorValue(given.array, True, **lies)
    return pickle_bytes(sample.pickle_value())


def doubled_rows(depth: int, as_key: bool) -> bytes:
    """Nested tuples that share their parts: small in the file, exponential for whoever walks or hashes them."""
    body = b"K\x01\x85\x94" + b"0".join(b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86\x94" for n in range(depth))
    return HEAD + (b"}" if as_key else b"") + body + (b"K\x01s." if as_key else b".")


def doubled_modules(depth: int) -> bytes:
    """A module that holds the same module twice, which holds the same module twice, and so on."""
    tree = module("Leaf")
    for _ in range(depth):
        tree = module("Twin", children={"a": tree, "b": tree})
    return pickle_bytes({"G_ema": tree})


def cyclic_module() -> bytes:
    """A module that contains itself."""
    # state = {}; node = rebuild({type, state}); state["_modules"] = {"again": node}
    text = lambda word: b"X" + struct.pack("<I", len(word)) + word.encode()  # noqa: E731
    meta = b"}(" + text("type") + text("class") + text("state") + b"}q\x01" + b"u"
    node = f"c{REBUILD.module}\n{REBUILD.name}\n".encode() + meta + b"\x85Rq\x020"
    return b"\x80\x02" + node + b"h\x01" + text("_modules") + b"}" + text("again") + b"h\x02ss0" + b"h\x02."


def colliding_keys() -> bytes:
    prime = 2**61 - 1
    out = bytearray(HEAD + b"}(")
    for number in range(2, 4000):
        raw = (prime * number).to_bytes(12, "little")
        out += b"\x8a\x0c" + raw + b"N"
    return bytes(out + b"u.")


def safetensors(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def zip_bomb(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(50 * 2**20))
    return out.getvalue()


def tar_bytes() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("../../escaped")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"data"))
    return out.getvalue()


def members(*extra: Member, **lies: Any) -> bytes:
    """torch's zip format with further members, or a falsified directory."""
    body = Pickler(2).write({"g_ema": {}})
    return zip_bytes([Member("archive/data.pkl", body), Member("archive/version", b"3\n"), *extra], **lies)


def legacy_with(numel: int, keys: list[Any], data: bytes) -> bytes:
    writer = LegacyPickler(2, nested=False)
    body = writer.write({"g_ema": {"a": TensorValue(SMALL)}})
    return legacy_header() + body + pickle_bytes(keys, 2) + struct.pack("<q", numel) + data


def invalid_files() -> dict[str, bytes]:
    """Files that would exhaust memory or time, reach outside, or are damaged."""
    whole = pickle_bytes(stylegan2().pickle_value())
    objects = Call(Global("numpy", "dtype"), ("O8", False, True), (3, "|", None, None, None, -1, -1, 63))
    odd_array = Call(
        Global("numpy.core.multiarray", "_reconstruct"), (Global("numpy", "ndarray"), (0,), b"b"),
        (1, (2,), objects, False, [1, 2]),
    )  # fmt: skip
    link = Member("archive/data/0", b"/etc/passwd", outer=0o120777 << 16)
    stated = Call(REBUILD, ({"type": "class", "class_name": "G", "module_src": "", "state": {}},), {"a": 1})
    inert = Call(Global("functools", "partial"), (Global("torch", "zeros"), 3))
    view = ("storage", Global("torch", "FloatStorage"), "0", "cpu", 6, ("1", 0, 6))
    return {
        "nothing": b"",
        "a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(2000),
        "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "a web page": b"<!doctype html><title>404</title>",
        "a pointer of git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "a gzip bomb": gzip.compress(bytes(30 * 2**20)),
        "a tar with ../": tar_bytes(),
        "random bytes": np.random.default_rng(0).bytes(5000),
        "zeros": bytes(100_000),
        "a whole file cut in half": whole[: len(whole) // 2],
        "a whole file without its last byte": whole[:-1],
        "something behind the end": whole + b"more",
        "a million marks": HEAD + b"(" * 1_000_000 + b".",
        "a million lists generator one another": HEAD + b"]" * 1_000_000 + b"a" * 999_999 + b".",
        "four million instructions": HEAD + b"N0" * 2_000_000 + b"N.",
        "rows of rows": doubled_rows(200, False),
        "rows of rows as a key": doubled_rows(200, True),
        "numbers that collide": colliding_keys(),
        "a list of a billion": HEAD + b"](" + b"\x8e" + struct.pack("<Q", 8 * 10**9) + b"e.",
        "a number of two billion bytes": HEAD + b"\x8b" + struct.pack("<I", 2**31 - 1) + b".",
        "a number of a million bytes": HEAD + b"\x8b" + struct.pack("<I", 10**6) + bytes(10**6) + b".",
        "a number of negative length": HEAD + b"\x8b" + struct.pack("<i", -5) + b".",
        "a number of a million digits": b"L" + b"9" * 10**6 + b"L\n.",
        "bytes longer than the world": HEAD + b"\x8e" + struct.pack("<Q", 2**63) + b".",
        "text longer than the file": HEAD + b"\x8d" + struct.pack("<Q", 2**40) + b"abc.",
        "text of 40 MB": HEAD + b"X" + struct.pack("<I", 40 * 2**20) + b"\xc3\xa4" * (20 * 2**20) + b".",
        "text that is none": HEAD + b"X\x02\x00\x00\x00\xff\xff.",
        "a frame that lies": HEAD + b"\x95" + struct.pack("<Q", 2**62) + b"N.",
        "protocol 9": b"\x80\x09N.",
        "an unknown instruction": HEAD + b"\xee.",
        "EXT1": HEAD + b"\x82\x01.",
        "EXT2": HEAD + b"\x83\x01\x00.",
        "EXT4": HEAD + b"\x84\x01\x00\x00\x00.",
        "a buffer from outside": HEAD + b"\x97.",
        "a persistent id": HEAD + b"K\x05Q.",
        "a persistent id that is a list": torch_zip({"g_ema": Persistent(["storage"])}),
        "a persistent id that is nothing": torch_zip({"g_ema": Persistent(None)}),
        "a persistent id in text": b"Pstorage\n.",
        "a storage that is a view": legacy_file({"g_ema": Persistent(view)}),
        "a storage of an unknown kind": torch_zip(
            {"a": Persistent(("storage", Global("torch", "QInt8Storage"), "0", "cpu", 1))}
        ),
        "a state for a number": HEAD + b"K\x05}b.",
        "a state for a list": HEAD + b"]}b.",
        "a state for a module": pickle_bytes({"G_ema": stated}),
        "a class swapped": pickle_bytes(
            {"G_ema": Call(Global("torch.nn", "Module"), (), {"__class__": Global("x", "Y")}, new=True)}
        ),
        "memory that was never filled": HEAD + b"h\x07.",
        "memory of nothing": HEAD + b"q\x00.",
        "memory at a negative place": HEAD + b"Np-5\n.",
        "a stack that is empty": HEAD + b".",
        "a marker that is missing": HEAD + b"t.",
        "a mapping with half a pair": HEAD + b"}(K\x01u.",
        "an addition to a number": HEAD + b"K\x01K\x02a.",
        "a list as a key": HEAD + b"}]K\x01s.",
        "a call of what cannot be called": HEAD + b"K\x05)R.",
        "a line without an end": b"I" + b"1" * 100_000,
        "files in files in files": nested_files(3),
        "a zip in a storage": pickle_bytes(
            {"G_ema": Call(Global("torch.storage", "_load_from_bytes"), (torch_zip({}),))}
        ),
        "a storage that lies": pickle_bytes(
            {"G_ema": Call(Global("torch.storage", "_load_from_bytes"), (legacy_storage(SMALL, 10**9),))}
        ),
        "a huge stride": with_tensor(stride=(10**9, 4, 1)),
        "a stride of negative steps": with_tensor(stride=(-16, 4, 1)),
        "an offset past the storage": with_tensor(offset=10**6),
        "a negative offset": with_tensor(offset=-8),
        "a shape of a trillion": with_tensor(shape=(10**6, 10**6, 1), stride=(0, 0, 0)),
        "a shape that is no number": with_tensor(shape=(None, 4, 4)),
        "a shape of forty sides": with_tensor(shape=(1,) * 40, stride=(0,) * 40),
        "a tensor of something else": with_tensor(
            instead=Call(Global("torch._utils", "_rebuild_tensor_v2"), (1, 2, (3,), (4,)))
        ),
        "a tensor with too few arguments": with_tensor(instead=Call(Global("torch._utils", "_rebuild_tensor_v2"), ())),
        "a tensor sample by a call": with_tensor(instead=inert),
        "an array of objects": with_tensor(instead=odd_array),
        "whole numbers as weights of another shape": with_tensor(instead=np.arange(4)),
        "numbers that are not finite": with_tensor(instead=TensorValue(np.full((12, 4, 4), np.nan, np.float32), True)),
        "a module generator itself": cyclic_module(),
        "modules doubled forty times": doubled_modules(40),
        "a zip with an absolute name": members(Member("/etc/passwd", b"x")),
        "a zip with ../": members(Member("archive/../../escaped", b"x")),
        "a zip with a backslash": members(Member("archive\\data", b"x")),
        "a zip with a name twice": members(Member("archive/version", b"4\n")),
        "a zip whose members overlap": members(Member("archive/data/0", b"xx", start=0)),
        "a zip that is encrypted": members(Member("archive/data/0", b"xx", flags=1)),
        "a zip with a link": members(link),
        "a zip whose member is longer than the file": members(Member("archive/data/0", b"xx", size=2**31)),
        "a zip that names a file twice differently": members(Member("archive/data/0", b"xx", local="archive/data/1")),
        "a zip with another compression": members(Member("archive/data/0", b"xx", method=14)),
        "a zip with more members than it has": members(count=60_000),
        "a zip bomb": zip_bomb("archive/data.pkl"),
        "a zip with its end cut off": members()[:-5],
        "a zip with a comment": members() + b"a comment",
        "a zip of 64 bits that lies": members(count=2**40, zip64=True),
        "a zip without contents": zip_bytes({"readme.txt": b"hello"}),
        "two contents in a zip": zip_bytes({"a/data.pkl": b"\x80\x02}.", "b/data.pkl": b"\x80\x02}."}),
        "TorchScript": zip_bytes({"a/data.pkl": b"\x80\x02}.", "a/constants.pkl": b"\x80\x02).", "a/code/x.py": b"1"}),
        "the other byte order": zip_bytes({"a/data.pkl": b"\x80\x02}.", "a/byteorder": b"big"}),
        "a byte order that is none": zip_bytes({"a/data.pkl": b"\x80\x02}.", "a/byteorder": b"pdp11" * 100}),
        "a zip whose numbers are missing": zip_bytes(
            {"a/data.pkl": LegacyPickler(2, nested=False).write({"a": TensorValue(SMALL)})}
        ),
        "the old format, other byte order": legacy_file({"g_ema": {}}, little=False),
        "the old format with too few numbers": legacy_with(6, ["0"], b"12"),
        "the old format with too many numbers": legacy_with(2**40, ["0"], SMALL.tobytes()),
        "the old format with a key of nothing": legacy_with(6, ["7"], SMALL.tobytes()),
        "the old format with keys that are no text": legacy_with(6, [0, {}], SMALL.tobytes()),
        "safetensors with a header that lies": safetensors(b'{"a":{}}', length=2**50),
        "safetensors beyond the file": safetensors(
            b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}', bytes(8)
        ),
        "safetensors with negative places": safetensors(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', bytes(8)
        ),
        "safetensors of a trillion": safetensors(
            b'{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}', bytes(8)
        ),
        "safetensors of an unknown kind": safetensors(
            b'{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}', bytes(8)
        ),
        "safetensors of a kind that is a list": safetensors(
            b'{"a":{"dtype":[],"shape":[1],"data_offsets":[0,4]}}', bytes(4)
        ),
        "safetensors whose tensors share bytes": safetensors(
            b'{"main.0.weight":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},'
            b'"main.1.weight":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}',
            bytes(4),
        ),
        "safetensors with bytes of no tensor": safetensors(
            b'{"main.0.weight":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}', bytes(8)
        ),
        "safetensors nested deep": safetensors(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        "a mapping from Python 2 with a list as a key": pickle_bytes({"G_ema": Call(ORDERED, ([[[1], 2]],))}),
        "code instead of weights": pickle_bytes(module("Exploit", source="import os; os.system('true')")),
        "raw instructions in a tensor": with_tensor(instead=RawOpcodes(b"(((((K\x01")),
    }


def corpus(marker: str) -> dict[str, bytes]:
    """Every attack by name; most that execute something create the file `marker`."""
    harmful = {f"runs {name}": data for name, data in code_execution(marker).items()}
    return {**harmful, **invalid_files(), **{f"grows: {name}": data for name, data in growing().items()}}
