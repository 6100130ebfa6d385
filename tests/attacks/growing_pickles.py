"""Pickles that name a remembered object again and again: small files that cost a naive reader hours or gigabytes.

"Doubled" tuples hold two equal tuples, and so on: whatever hashes, compares or prints them never ends.
"""

from __future__ import annotations

import struct

import numpy as np

from tests.models.importing.pickle_writer import ORDERED, Call, Global, RawOpcodes, TensorValue, pickle_bytes, torch_zip

HEAD = b"\x80\x04"
REBUILD = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
TENSORFLOW_NAMES = ("4x4/Const/const", "4x4/Conv/mod_weight", "Dense0/weight")  # by which a StyleGAN2 is recognised
TIMES = 30_000  # copies that a file asks for


def text(word: str) -> bytes:
    """The opcode of a string."""
    raw = word.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def put(place: int) -> bytes:
    """The opcodes that remember the topmost value and drop it."""
    return b"q" + bytes([place]) + b"0"


def get(place: int) -> bytes:
    """The opcode of a remembered value."""
    return b"h" + bytes([place])


def doubled(levels: int) -> bytes:
    """The opcodes of a tuple of two equal tuples, of two equal tuples, and so on: 2 ** levels leaves in all."""
    return b"K\x01\x85" + b"2\x86" * levels


def repeated(setup: bytes, step: bytes, times: int = TIMES) -> bytes:
    """A list of what `step` leaves on the stack, `times` over."""
    return HEAD + setup + b"](" + step * times + b"e."


def persistent_module(**fields: bytes) -> bytes:
    """A module of NVIDIA's pickles from the opcodes of its fields, as G_ema."""
    meta = {"type": text("class"), "class_name": text("G"), "module_src": text(""), "state": b"}", **fields}
    body = b"".join(text(name) + value for name, value in meta.items())
    return HEAD + b"}" + text("G_ema") + REBUILD + b"}(" + body + b"u\x85Rs."


def tensorflow_network(**fields: bytes) -> bytes:
    """A TensorFlow pickle from the opcodes of fields of its third network."""
    state = {"version": b"K\x04", "variables": b"]", **fields}
    body = b"".join(text(name) + value for name, value in state.items())
    network = b"cdnnlib.tflib.network\nNetwork\n)\x81"
    return HEAD + b"(NN" + network + b"}(" + body + b"ubt."


def shared_group(group: str) -> bytes:
    """3,000 modules that share one mapping of 20,000 entries."""
    entries = b"}(" + b"".join(text(str(number)) + b"N" for number in range(20_000)) + b"u"
    child = REBUILD + b"}(" + text("type") + text("class") + text("state") + b"}" + text(group) + get(0) + b"su\x85R"
    children = b"}(" + b"".join(text(f"m{number}") + child for number in range(3_000)) + b"u"
    return persistent_module(state=entries + put(0) + b"}" + text("_modules") + children + b"s")


def long_names() -> bytes:
    """Forty modules nested in one another, each named by the same 500 kB, around 5,000 parameters."""
    parameters = b"}(" + b"".join(text(str(number)) + b"K\x01" for number in range(5_000)) + b"u"
    opened = REBUILD + b"}(" + text("type") + text("class") + text("state")
    tree = opened + b"}" + text("_parameters") + parameters + b"su\x85R"
    for _ in range(40):
        tree = opened + b"}" + text("_modules") + b"}" + get(0) + tree + b"ssu\x85R"
    return HEAD + text("n" * 500_000) + put(0) + b"}" + text("G_ema") + tree + b"s."


def shared_sets() -> bytes:
    """3,000 modules that share one set of 20,000 names."""
    names = b"\x8f(" + b"".join(text(str(number)) for number in range(20_000)) + b"\x90"
    group = text("_non_persistent_buffers_set")
    child = REBUILD + b"}(" + text("type") + text("class") + text("state") + b"}" + group + get(0) + b"su\x85R"
    children = b"}(" + b"".join(text(f"m{number}") + child for number in range(3_000)) + b"u"
    return persistent_module(state=names + put(0) + b"}" + text("_modules") + children + b"s")


def growing() -> dict[str, bytes]:
    """The pickles by what they make grow."""
    numbers = b"](" + b"K\x01" * 20_000 + b"e"
    rows = b"](" + b"".join(text(str(number)) + b"N\x86" for number in range(5_000)) + b"e"
    floats = b"cnumpy\ndtype\n" + text("f4") + b"\x85R"
    scalar, array = b"cnumpy.core.multiarray\nscalar\n", b"cnumpy.core.multiarray\n_reconstruct\n)R"
    variables = b"](" + (text("a") + b"K\x01\x86") * 2_000 + b"e"
    shared = b"}" + text("variables") + get(0) + b"s"
    parts = b"}(" + b"".join(text(str(number)) + shared for number in range(20_000)) + b"u"
    spread = TensorValue(np.ones(1, np.float32), shape=(2**28,), stride=(0,))
    return {
        "a class name of doubled tuples": persistent_module(class_name=doubled(40)),
        "a source text of doubled tuples": persistent_module(module_src=doubled(40)),
        "a module's kind of doubled tuples": persistent_module(type=doubled(40)),
        "a name in TensorFlow of doubled tuples": tensorflow_network(
            build_func_name=doubled(40), build_module_src=text("x")
        ),
        "a source text in TensorFlow of doubled tuples": tensorflow_network(build_module_src=doubled(40)),
        "a setting in TensorFlow of doubled tuples": tensorflow_network(
            static_kwargs=b"}" + text("nonlinearity") + doubled(40) + b"s",
            variables=b"](" + b"".join(text(name) + b"K\x01\x86" for name in TENSORFLOW_NAMES) + b"e",
        ),
        "a call of doubled tuples": HEAD + doubled(40) + b")R.",
        "a dtype of doubled tuples": HEAD + scalar + b"cnumpy\ndtype\n" + doubled(40) + b"\x85R\x85R.",
        "copies of a set": repeated(numbers + put(0) + b"cbuiltins\nset\n" + put(1), get(1) + get(0) + b"\x85R"),
        "copies of a frozen set's tuple": repeated(
            b"(" + b"K\x01" * 20_000 + b"t" + put(0) + b"cbuiltins\nfrozenset\n" + put(1), get(1) + get(0) + b"\x85R"
        ),
        "copies of an ordered dictionary": repeated(
            rows + put(0) + b"ccollections\nOrderedDict\n" + put(1), get(1) + get(0) + b"\x85R"
        ),
        "copies of a text as bytes": repeated(
            text("a" * 100_000) + put(0) + b"c_codecs\nencode\n" + put(1), get(1) + get(0) + b"\x85R"
        ),
        "copies of a text as an array": repeated(
            text("a" * 100_000) + put(0) + floats + put(1), array + b"(NK\x00\x85" + get(1) + b"\x89" + get(0) + b"tb"
        ),
        "copies of a text as a number": repeated(
            text("a" * 100_000) + put(0) + floats + put(1) + scalar + put(2),
            get(2) + get(1) + get(0) + b"\x86R",
        ),
        "a tensor spread from one number": torch_zip({"main.0.weight": spread}),
        "a generator's tensors spread from one number": torch_zip(
            {"g_ema": {"input.input": spread, "conv1.conv.weight": spread}}
        ),
        "parameters that modules share": shared_group("_parameters"),
        "buffers that modules share": shared_group("_buffers"),
        "names that modules share": shared_sets(),
        "variables that networks share": tensorflow_network(components=variables + put(0) + parts),
        "names of modules that add up": long_names(),
        "a memory that is indexed far apart": HEAD + b"Nr\xff\xff\xff\x7f.",
        "tuples in one another": HEAD + b"N" + b"\x85" * 400_000 + b".",
        "unknown objects in one another": (
            HEAD + b"ca\nB\n" + put(0) + get(0) * 100_000 + b")" + b"R\x85" * 100_000 + b"."
        ),
        "rows of an ordered dictionary that are not text": pickle_bytes(
            {"G_ema": Call(ORDERED, ([[RawOpcodes(doubled(40)), 1]],))}
        ),
        "a global of a remembered name": repeated(
            text("a." * 200) + put(0) + text("b") + put(1), get(0) + get(1) + b"\x93", 200_000
        ),
        "a tensor's shape of doubled tuples": torch_zip(
            {"g_ema": {"a": Call(Global("torch._utils", "_rebuild_tensor_v2"), (1, 0, RawOpcodes(doubled(40)), (1,)))}}
        ),
    }  # fmt: skip
