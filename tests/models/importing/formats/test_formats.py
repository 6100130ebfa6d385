"""The readers of file formats, against what torch and safetensors themselves write and read."""

from __future__ import annotations

import argparse
import io
import struct
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from models.generators.dcgan import build_network as layers_of
from models.importing.formats import torch_legacy
from models.importing.formats import torch_zip as torch_zip_format
from models.importing.formats.read_contents import read_contents
from models.importing.formats.zip_archive import read_members
from models.importing.limits import Budget, FileRefused, Limits
from models.importing.read_in_sandbox import read
from models.importing.unpickle import tensor_bytes
from models.importing.unpickle.globals import BUILDERS, PickleGlobals, is_dangerous
from models.importing.unpickle.opcodes import unpickle
from models.importing.unpickle.records import GlobalName, OpaqueObject, SetRecord, StorageRecord, TensorRecord
from tests.models.importing.pickle_writer import (
    Call,
    Global,
    Pickler,
    TensorValue,
    legacy_file,
    pickle_bytes,
    torch_zip,
    zip_bytes,
)

WHOLE = torch.arange(24, dtype=torch.float32).reshape(4, 6)
TENSORS = {
    "turned": WHOLE.t(),
    "cut": WHOLE[1:, ::2],
    "shared": WHOLE[2:],
    "parameter": nn.Parameter(torch.ones(3)),
    "half": torch.linspace(-1, 1, 7).half(),
    "brain": torch.linspace(-3, 3, 9).bfloat16(),
    "double": torch.randn(2, 3, dtype=torch.float64),
    "whole": torch.arange(-3, 3),
    "small": torch.arange(5, dtype=torch.uint8),
    "truth": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 4),
    "spread": torch.ones(1).expand(5),
}


def torch_bytes(value: Any, zipped: bool) -> memoryview:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return memoryview(file.getvalue())


def unpickle_value(data: bytes) -> Any:
    pickle_globals = PickleGlobals(Budget())
    return unpickle(memoryview(data), pickle_globals, pickle_globals.budget)[0]


def refusal_of(data: bytes) -> FileRefused | None:
    """Why a file is refusal; None if it is read."""
    try:
        read(memoryview(data), limits=Limits(opcodes=100_000, seconds=5))
    except FileRefused as error:
        return error
    return None


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_files_of_torch_are_read_bit_for_bit(zipped: bool) -> None:
    content = {
        "tensors": TENSORS,
        "args": argparse.Namespace(size=3),
        "gain": np.float64(3.5),
        "row": np.arange(6)[::-1],
    }
    budget = Budget()
    value, names = (torch_zip_format if zipped else torch_legacy).read(torch_bytes(content, zipped), budget)
    for name, expected in TENSORS.items():
        result = tensor_bytes.decode_tensor(value["tensors"][name], budget)
        wanted = expected.detach().float().numpy() if expected.dtype == torch.bfloat16 else expected.detach().numpy()
        assert result.dtype == wanted.dtype
        assert np.array_equal(result, wanted), name
    assert value["gain"] == 3.5
    assert tensor_bytes.decode_array(value["row"], budget).tolist() == [5, 4, 3, 2, 1, 0]
    assert isinstance(value["args"], OpaqueObject)
    assert value["args"].state == {"size": 3}
    assert [str(name) for name, inert in names.items() if inert] == ["argparse.Namespace"]


@pytest.mark.parametrize("write", [torch_zip, legacy_file], ids=["zip", "old format"])
def test_torch_reads_the_files_of_these_tests(write: Any) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    result = torch.load(
        io.BytesIO(write({"a": TensorValue(array, True), "n": [1, -7, 2.5, "x", None, True]})), weights_only=True
    )
    assert torch.equal(result["a"], torch.from_numpy(array))
    assert result["n"] == [1, -7, 2.5, "x", None, True]


def test_a_64_bit_zip_is_read_like_a_32_bit_one() -> None:
    content = {"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n"}
    zip64, plain = (read_members(memoryview(zip_bytes(content, zip64=zip64)), Budget()) for zip64 in (True, False))
    assert {name: bytes(data) for name, data in zip64.items()} == content == {n: bytes(d) for n, d in plain.items()}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(st.text(max_size=5) | st.integers(0, 50), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.sampled_from([2, 4]))
def test_plain_values_survive_a_pickle(value: Any, protocol: int) -> None:
    assert unpickle_value(pickle_bytes(value, protocol)) == value


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_with_a_message(data: bytes) -> None:
    for start in (b"", b"\x80\x04", b"\x80\x02\x8a\x0a"):
        refusal = refusal_of(start + data)
        assert refusal is not None
        assert str(refusal).endswith(".")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_file_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(SMALL[data.draw(st.sampled_from(sorted(SMALL)))])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    refusal = refusal_of(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    assert refusal is None or refusal.hint


def dcgan_state(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    network = layers_of((5, 6, 4, 3))
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_()
    return {f"main.{name}": tensor for name, tensor in network.state_dict().items()}


SMALL = {
    "zip": bytes(torch_bytes(dcgan_state(), True)),
    "old": bytes(torch_bytes(dcgan_state(), False)),
    "safetensors": save(dcgan_state()),
    "pickle": pickle_bytes({"G_ema": Call(Global("a", "B"), (1, [2]), {"c": np.arange(3)})}),
}


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_a_dcgan_is_recognised_by_its_shapes_in_every_format(kind: str) -> None:
    passport, converted = read(memoryview(SMALL[kind]))
    assert (passport.family, passport.sizes.height, passport.sizes.z, passport.sizes.channels) == ("dcgan", 16, 5, 3)
    expected = {name: tensor for name, tensor in dcgan_state().items() if "num_batches" not in name}
    places = sorted({int(name.split(".")[1]) for name in expected})
    assert len(converted.state) == len(expected)
    for name, result in converted.state.items():
        _, place, part = name.split(".")
        assert np.array_equal(result, expected[f"main.{places[int(place)]}.{part}"].numpy())


def test_a_convolution_bias_is_folded_into_the_batch_norm_behind_it() -> None:
    torch.manual_seed(0)
    first, norm, last = nn.ConvTranspose2d(5, 4, 4), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False)
    network = nn.Sequential(first, norm, nn.ReLU(), last, nn.Tanh()).eval()
    norm.running_mean.normal_()
    _, converted = read(memoryview(save(network.state_dict())))
    plain = layers_of((5, 4, 3)).eval()
    carriers = [module for module in plain if list(module.parameters())]
    for number, module in enumerate(carriers):
        root = f"main.{number}."
        state = {
            n.removeprefix(root): torch.from_numpy(a.copy()) for n, a in converted.state.items() if n.startswith(root)
        }
        module.load_state_dict({**module.state_dict(), **state})
    z = torch.randn(3, 5, 1, 1)
    assert torch.allclose(plain(z), network(z), atol=1e-6)


def test_long_byte_strings_are_views_of_the_file() -> None:
    data = memoryview(pickle_bytes([b"x" * 10_000]))
    pickle_globals = PickleGlobals(Budget())
    (value,) = unpickle(data, pickle_globals, pickle_globals.budget)[0]
    assert isinstance(value, memoryview)
    assert value.obj is data.obj


def test_a_call_of_an_unknown_global_stays_opaque_with_all_its_arguments() -> None:
    value = unpickle_value(pickle_bytes(Call(Global("some.where", "Thing"), (1, "a"), {"b": 2}, {"c": 3})))
    assert isinstance(value, OpaqueObject)
    assert (value.name, value.args, value.state, value.pairs) == (
        GlobalName("some.where", "Thing"),
        (1, "a"),
        {"b": 2},
        {"c": 3},
    )


def test_sets_become_records_and_ordered_dictionaries_plain_ones() -> None:
    ordered = Call(Global("collections", "OrderedDict"), ([["a", 1], ["b", 2]],))
    value = unpickle_value(pickle_bytes({"s": {"x", "y"}, "o": ordered}))
    assert isinstance(value["s"], SetRecord)
    assert value["s"].items == ["x", "y"]
    assert value["o"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("core", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_old_and_new_module_names_of_numpy_are_equivalent(core: str) -> None:
    kind = Call(Global("numpy", "dtype"), ("f4", False, True), (3, ">", None, None, None, -1, -1, 0))
    value = unpickle_value(pickle_bytes(Call(Global(core, "scalar"), (kind, struct.pack(">f", 1.5)))))
    assert value == 1.5


def test_an_array_keeps_its_byte_and_memory_order() -> None:
    array = np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))
    kind = Call(Global("numpy", "dtype"), ("i4", False, True), (3, ">", None, None, None, -1, -1, 0))
    state = (1, (2, 3), kind, True, array.tobytes(order="F"))
    result = Call(Global("numpy.core.multiarray", "_reconstruct"), (Global("numpy", "ndarray"), (0,), b"b"), state)
    assert tensor_bytes.decode_array(unpickle_value(pickle_bytes(result)), Budget()).tolist() == array.tolist()


def test_no_global_with_a_builder_is_dangerous() -> None:
    for module, name in BUILDERS:
        assert not is_dangerous(GlobalName(module, name))
    for module, name in (("os", "system"), ("builtins", "eval"), ("torch", "serialization.os.system")):
        assert is_dangerous(GlobalName(module, name))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(opcodes=50), "50 instructions"),
        (Limits(string=5), "more text"),
        (Limits(text=30), "more text"),
        (Limits(file=100), "GiB"),
        (Limits(numbers=10), "10 numbers"),
        (Limits(tensors=2), "2 tensors"),
        (Limits(members=2), "2 files"),
        (Limits(seconds=0.0), "longer than"),
    ],
)
def test_every_limit_is_enforced(limits: Limits, message: str) -> None:
    with pytest.raises(FileRefused, match=message):
        read(memoryview(SMALL["zip"]), limits=limits)


def test_an_onnx_graph_is_named_and_refused() -> None:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Tanh", ["z"], ["y"])], "g", [value("z", TensorProto.FLOAT, [1, 4])],
        [value("y", TensorProto.FLOAT, [1, 4])],
    )  # fmt: skip
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    with pytest.raises(FileRefused, match="ONNX"):
        read_contents(memoryview(data), Budget(), {})


def test_a_tensor_may_reach_the_end_of_its_storage_but_not_beyond() -> None:
    storage = StorageRecord("float32", 6, memoryview(np.arange(6, dtype=np.float32).tobytes()))
    assert tensor_bytes.decode_tensor(TensorRecord(storage, 2, (2, 2), (2, 1)), Budget()).tolist() == [[2, 3], [4, 5]]
    with pytest.raises(FileRefused, match="extends beyond"):
        tensor_bytes.decode_tensor(TensorRecord(storage, 3, (2, 2), (2, 1)), Budget())


def test_the_pickler_of_these_tests_memoizes_strings() -> None:
    word = "module source " * 20
    assert len(Pickler(4).write([word] * 50)) < 2 * len(word) + 400
    assert unpickle_value(pickle_bytes([word] * 50)) == [word] * 50
