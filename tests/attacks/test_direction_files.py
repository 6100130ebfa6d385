"""Malicious and invalid direction files: refused with one message each, little memory, no traceback."""

import json
import math
import struct
import tracemalloc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.latent_walk import LinearWalk, PathWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid

WIDTH = 12
VECTOR = torch.eye(WIDTH)[0]


def valid_file(**fields) -> bytes:
    defaults = {
        "id": "zoom", "name": "Zoom", "group": "geometry", "generator": "tiny", "fingerprint": "sha256:00",
        "space": "z", "unit": Unit("%"), "walk": LinearWalk(VECTOR), "curve": Curve.straight(0.1, 20.0),
        "range": (-10.0, 10.0), "track": (-14.0, 14.0), "requested_range": (-20.0, 20.0), "method": "walk", "seed": 0,
        "created": "2026-01-01",
    }  # fmt: skip
    return to_bytes(Direction(**{**defaults, **fields}))


def header_of(data: bytes) -> dict:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])


def file_with_description(text: str, tensors=None) -> bytes:
    """A safetensors file with `text` as its description."""
    return save({"vector": VECTOR} if tensors is None else tensors, metadata={"latentwalk.direction": text})


def file_with(**fields) -> bytes:
    """A valid file with some fields of its description replaced; a value of ... omits the field."""
    stored = json.loads(header_of(valid_file())["__metadata__"]["latentwalk.direction"])
    stored = {name: value for name, value in {**stored, **fields}.items() if value is not ...}
    return file_with_description(json.dumps(stored))


def raw_file(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def nested_list(levels: int) -> str:
    return "[" * levels + "]" * levels


def refusal_of(data: bytes) -> str:
    with pytest.raises(Invalid) as refusal:
        from_bytes(data, "mine.safetensors")
    message = str(refusal.value)
    assert message.startswith(("mine.safetensors is not a direction: ", "“"))
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400
    assert refusal.value.hint
    assert refusal.value.__cause__ is None
    return message


FILES = {
    "nothing": (b"", "too short"),
    "a few bytes": (b"\x00" * 7, "too short"),
    "zeros": (b"\x00" * 4096, ""),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "header is cut off or too long"),
    "a pickle": (b"\x80\x04\x95" + b"c__builtin__\nexec\n" * 4, "header is cut off or too long"),
    "a zip": (b"PK\x03\x04" + b"\x00" * 100, ""),
    "cut off in its header": (valid_file()[:40], "header is cut off"),
    "cut off in its tensors": (valid_file()[:-4], ""),
    "with bytes after its tensors": (valid_file() + b"\x00" * 16, ""),
    "a header that claims exabytes": (raw_file(b"{}", length=2**63), "header is cut off or too long"),
    "a header longer than the file": (raw_file(b"{}", length=100), "header is cut off"),
    "a header over a megabyte": (raw_file(b" " * (2**20 + 1)), "too long"),
    "larger than any direction": (b"\x00" * (16 * 2**20 + 1), "larger than 16 MiB"),
    "a header that is no JSON": (raw_file(b"{nonsense"), ""),
    "a header that is no text": (raw_file(b"\xff\xfe\xfd"), ""),
    "a header that is a list": (raw_file(b"[]"), "header is malformed"),
    "a header that is a number": (raw_file(b"7"), "header is malformed"),
    "a header without metadata": (save({"vector": VECTOR}), "has no"),
    "metadata that is a list": (raw_file(b'{"__metadata__":[]}'), "not a table"),
    "metadata of something else": (save({"vector": VECTOR}, metadata={"format": "pt"}), "has no direction"),
    "a deeply nested header": (raw_file(b'{"__metadata__":' + nested_list(200_000).encode() + b"}"), "is malformed"),
    "a header with two entries of one name": (raw_file(b'{"__metadata__":{},"__metadata__":{}}'), ""),
    "tensors that overlap": (
        raw_file(b'{"__metadata__":{"latentwalk.direction":"{}"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
            b'"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"\x00" * 4), ""),
    "a tensor with a shape beyond counting": (
        raw_file(b'{"__metadata__":{"latentwalk.direction":"{}"},"vector":{"dtype":"F32",'
            b'"shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}', b"\x00" * 4), ""),
    "a tensor of a type nobody knows": (
        raw_file(b'{"__metadata__":{"latentwalk.direction":"{}"},"vector":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}}',
            b"\x00" * 4), ""),
}  # fmt: skip

DESCRIPTIONS = {
    "no JSON": (file_with_description("{"), ""),
    "a list": (file_with_description("[]"), "header is malformed"),
    "nothing": (file_with_description("null"), "header is malformed"),
    "deep nesting": (file_with_description(nested_list(100_000)), "header is malformed"),
    "deep settings": (file_with(settings={"a": json.loads(nested_list(20))}), "nested more than"),
    "deep card": (file_with(card={"a": json.loads(nested_list(500))}), "nested more than"),
    "another format": (file_with(format=2), "its format is 2"),
    "no format": (file_with(format=...), "has no format"),
    "no unit": (file_with(unit=...), "has no unit"),
    "a unit of another kind": (file_with(unit={"symbol": "x", "power": 3}), "header is malformed"),
    "a unit with a neutral zero factor": (file_with(unit={"symbol": "x", "scale": "log", "neutral": 0}), "above zero"),
    "a unit of an unknown scale": (file_with(unit={"symbol": "x", "scale": "cubic"}), "linear or log"),
    "a unit whose neutral amount is text": (file_with(unit={"symbol": "x", "neutral": "1"}), "header is malformed"),
    "an id with a path": (file_with(id="../../etc/passwd"), "cannot name a direction"),
    "an id that is a number": (file_with(id=7), "its id is not text"),
    "a name that is a list": (file_with(name=["Zoom"]), "its name is not text"),
    "a name of a megabyte": (file_with(name="z" * 900_000), "longer than"),
    "a seed that is text": (file_with(seed="0"), "its seed is not a number"),
    "a seed that is a truth": (file_with(seed=True), "its seed is not a number"),
    "a name with half a surrogate pair": (file_with(name="Zoom\ud800"), "its description holds half of a surrogate"),
    "a group with a control character": (file_with(group="a\x1b[2J"), "its description holds a control character"),
    "a name of two lines": (file_with(name="Zoom\nZoom"), "its name holds a control character"),
    "a unit that reverses text": (file_with(unit={"symbol": "\u202e%"}), "its description holds a character that"),
    "a unit of two lines": (file_with(unit={"symbol": "%\n"}), "its unit holds a control character"),
    "a card with half a surrogate pair": (file_with(card={"\udfff": 1}), "its description holds half of a surrogate"),
    "a verdict of its own": (file_with(verdict="<b>best</b>"), "its verdict is none of"),
    "a kind of its own": (file_with(kind="spiral"), "not a kind of walk"),
    "no curve": (file_with(curve=None), "header is malformed"),
    "a curve that falls": (file_with(curve={"coordinates": [-1, 0, 1], "steps": [1, 0, -1]}), "rise"),
    "a curve of text": (file_with(curve={"coordinates": ["a", "b"], "steps": [1, 2]}), ""),
    "a curve that misses zero": (file_with(curve={"coordinates": [1, 2], "steps": [2, 3]}), "zero"),
    "a range that falls": (file_with(range=[1, -1]), "must rise"),
    "a range of one": (file_with(range=[1]), ""),
    "a track that never ends": (file_with(track=[-1, math.inf]), "not finite"),
    "a card with a number that is none": (file_with(card={"slope": math.nan}), "not finite"),
    "settings with an infinite number": (file_with_description('{"settings": {"rate": 1e999}}'), "not finite"),
    "a card that is a list": (file_with(card=[1, 2]), "header is malformed"),
    "layers without an end": (file_with(layers=[0]), "header is malformed"),
    "a number of five thousand digits": (file_with_description('{"seed": ' + "9" * 5000 + "}"), ""),
}

TENSORS = {
    "none": ({}, ""),
    "the wrong name": ({"direction": VECTOR}, "it holds direction, not vector"),
    "a matrix": ({"vector": torch.eye(WIDTH)}, "shape"),
    "a single number": ({"vector": torch.tensor(1.0)}, "header is malformed"),
    "an empty one": ({"vector": torch.zeros(0)}, "length one"),
    "zeros": ({"vector": torch.zeros(WIDTH)}, "length one"),
    "not numbers": ({"vector": torch.full((WIDTH,), torch.nan)}, "not finite"),
    "infinite ones": ({"vector": torch.full((WIDTH,), torch.inf)}, "not finite"),
    "huge ones": ({"vector": torch.full((WIDTH,), 3e38)}, "length one"),
    "more than belongs": ({"vector": VECTOR, "payload": torch.zeros(1000)}, "payload"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_invalid_file_is_refused(name):
    data, reason = FILES[name]
    assert reason in refusal_of(data)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_an_invalid_description_is_refused(name):
    data, reason = DESCRIPTIONS[name]
    assert reason in refusal_of(data)


@pytest.mark.parametrize("name", TENSORS)
def test_invalid_tensors_are_refused(name):
    tensors, reason = TENSORS[name]
    text = header_of(valid_file())["__metadata__"]["latentwalk.direction"]
    assert reason in refusal_of(file_with_description(text, tensors))


def test_a_path_of_a_million_steps_is_refused():
    text = json.loads(header_of(valid_file())["__metadata__"]["latentwalk.direction"])
    text |= {"kind": "path", "curve": {"coordinates": [-1, 0, 1], "steps": [-1e6, 0, 1e6]}}
    tensors = PathWalk.blank(WIDTH, 0).tensors()
    assert "more than 64 steps" in refusal_of(file_with_description(json.dumps(text), tensors))


def test_a_path_of_another_width_is_refused():
    text = json.loads(header_of(valid_file())["__metadata__"]["latentwalk.direction"]) | {"kind": "path"}
    tensors = {**PathWalk.blank(WIDTH, 0).tensors(), "up.inner": torch.zeros(WIDTH, WIDTH + 1)}
    assert "shape" in refusal_of(file_with_description(json.dumps(text), tensors))


@pytest.mark.parametrize("name", FILES)
def test_a_refusal_takes_little_memory(name):
    data, _ = FILES[name]
    tracemalloc.start()
    refusal_of(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_arbitrary_bytes_are_refused_with_one_message(data):
    refusal_of(data)


@given(st.data())
@settings(max_examples=200)
def test_changed_bytes_are_read_or_refused_with_one_message(data):
    whole = bytearray(valid_file())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        from_bytes(bytes(whole))
    except Invalid as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017 - some flips leave a direction


FIELDS = ["unit", "curve", "range", "track", "asked", "layers", "settings", "card", "seed", "kind", "format", "id"]


@given(
    st.sampled_from(FIELDS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
)
@settings(max_examples=300)
def test_any_value_of_a_field_is_read_or_refused_with_one_message(field, value):
    try:
        found = from_bytes(file_with(**{field: value}))
        json.dumps(found.card, allow_nan=False)
        json.dumps(dict(found.settings), allow_nan=False)
    except Invalid as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017 - some values are good ones
