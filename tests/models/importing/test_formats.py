"""The readers of formats, against what torch and safetensors themselves write and read."""

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

from models.generators.dcgan import build as layers_of
from models.importing.formats import torch_legacy
from models.importing.formats import torch_zip as torchzip
from models.importing.formats.detect_format import read_contents
from models.importing.formats.zip_archive import members
from models.importing.limits import Budget, FileRefused, Limits
from models.importing.read_in_sandbox import read
from models.importing.unpickle import tensor_bytes
from models.importing.unpickle.globals import KNOWN, PickleGlobals, is_dangerous
from models.importing.unpickle.opcodes import unpickled
from models.importing.unpickle.records import Inert, Many, Name, Tensor
from tests.models.importing.pickle_writer import Call, Global, Kept, Pickler, legacy_file, pickled, torch_zip, zipped

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


def plainly(data: bytes) -> Any:
    words = PickleGlobals(Budget())
    return unpickled(memoryview(data), words, words.budget)[0]


def refusal(data: bytes) -> FileRefused | None:
    """Why a file is refused; None if it is taken."""
    try:
        read(memoryview(data), limits=Limits(opcodes=100_000, seconds=5))
    except FileRefused as error:
        return error
    return None


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_what_torch_writes_is_read_to_the_bit(zipped: bool) -> None:
    told = {"tensors": TENSORS, "args": argparse.Namespace(size=3), "gain": np.float64(3.5), "row": np.arange(6)[::-1]}
    budget = Budget()
    value, names = (torchzip if zipped else torch_legacy).read(torch_bytes(told, zipped), budget)
    for name, expected in TENSORS.items():
        made = tensor_bytes.tensor(value["tensors"][name], budget)
        wanted = expected.detach().float().numpy() if expected.dtype == torch.bfloat16 else expected.detach().numpy()
        assert made.dtype == wanted.dtype
        assert np.array_equal(made, wanted), name
    assert value["gain"] == 3.5
    assert tensor_bytes.array(value["row"], budget).tolist() == [5, 4, 3, 2, 1, 0]
    assert isinstance(value["args"], Inert)
    assert value["args"].state == {"size": 3}
    assert [str(name) for name, inert in names.items() if inert] == ["argparse.Namespace"]


@pytest.mark.parametrize("write", [torch_zip, legacy_file], ids=["zip", "old format"])
def test_torch_reads_the_files_these_tests_write(write: Any) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    made = torch.load(
        io.BytesIO(write({"a": Kept(array, True), "n": [1, -7, 2.5, "x", None, True]})), weights_only=True
    )
    assert torch.equal(made["a"], torch.from_numpy(array))
    assert made["n"] == [1, -7, 2.5, "x", None, True]


def test_a_zip_of_64_bits_is_read_like_a_plain_one() -> None:
    told = {"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n"}
    wide, plain = (members(memoryview(zipped(told, wide=wide)), Budget()) for wide in (True, False))
    assert {name: bytes(data) for name, data in wide.items()} == told == {n: bytes(d) for n, d in plain.items()}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(st.text(max_size=5) | st.integers(0, 50), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.sampled_from([2, 4]))
def test_plain_values_come_through_a_pickle_unchanged(value: Any, protocol: int) -> None:
    assert plainly(pickled(value, protocol)) == value


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_refusal(data: bytes) -> None:
    for start in (b"", b"\x80\x04", b"\x80\x02\x8a\x0a"):
        refused = refusal(start + data)
        assert refused is not None
        assert str(refused).endswith(".")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_change_to_a_file_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(SMALL[data.draw(st.sampled_from(sorted(SMALL)))])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    refused = refusal(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    assert refused is None or refused.hint


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
    "pickle": pickled({"G_ema": Call(Global("a", "B"), (1, [2]), {"c": np.arange(3)})}),
}


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_a_dcgan_is_known_by_its_shapes_in_every_format(kind: str) -> None:
    passport, converted = read(memoryview(SMALL[kind]))
    assert (passport.family, passport.sizes.height, passport.sizes.z, passport.sizes.channels) == ("dcgan", 16, 5, 3)
    expected = {name: tensor for name, tensor in dcgan_state().items() if "num_batches" not in name}
    places = sorted({int(name.split(".")[1]) for name in expected})
    assert len(converted.state) == len(expected)
    for name, made in converted.state.items():
        _, place, part = name.split(".")
        assert np.array_equal(made, expected[f"main.{places[int(place)]}.{part}"].numpy())


def test_a_dcgans_bias_before_a_norm_is_taken_into_it() -> None:
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


def test_long_bytes_are_views_of_the_file_and_not_copies() -> None:
    data = memoryview(pickled([b"x" * 10_000]))
    words = PickleGlobals(Budget())
    (value,) = unpickled(data, words, words.budget)[0]
    assert isinstance(value, memoryview)
    assert value.obj is data.obj


def test_a_call_of_an_unknown_name_stays_inert_with_all_it_was_given() -> None:
    value = plainly(pickled(Call(Global("some.where", "Thing"), (1, "a"), {"b": 2}, {"c": 3})))
    assert isinstance(value, Inert)
    assert (value.name, value.args, value.state, value.pairs) == (
        Name("some.where", "Thing"),
        (1, "a"),
        {"b": 2},
        {"c": 3},
    )


def test_sets_become_rows_and_ordered_dictionaries_plain_ones() -> None:
    ordered = Call(Global("collections", "OrderedDict"), ([["a", 1], ["b", 2]],))
    value = plainly(pickled({"s": {"x", "y"}, "o": ordered}))
    assert isinstance(value["s"], Many)
    assert value["s"].items == ["x", "y"]
    assert value["o"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("core", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numpys_old_and_new_names_are_the_same(core: str) -> None:
    kind = Call(Global("numpy", "dtype"), ("f4", False, True), (3, ">", None, None, None, -1, -1, 0))
    value = plainly(pickled(Call(Global(core, "scalar"), (kind, struct.pack(">f", 1.5)))))
    assert value == 1.5


def test_an_array_keeps_its_byte_order_and_its_columns() -> None:
    array = np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))
    kind = Call(Global("numpy", "dtype"), ("i4", False, True), (3, ">", None, None, None, -1, -1, 0))
    state = (1, (2, 3), kind, True, array.tobytes(order="F"))
    made = Call(Global("numpy.core.multiarray", "_reconstruct"), (Global("numpy", "ndarray"), (0,), b"b"), state)
    assert tensor_bytes.array(plainly(pickled(made)), Budget()).tolist() == array.tolist()


def test_no_known_name_is_dangerous_and_none_is_looked_up() -> None:
    for module, name in KNOWN:
        assert not is_dangerous(Name(module, name))
    for module, name in (("os", "system"), ("builtins", "eval"), ("torch", "serialization.os.system")):
        assert is_dangerous(Name(module, name))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(opcodes=50), "50 instructions"),
        (Limits(word=5), "more text"),
        (Limits(text=30), "more text"),
        (Limits(file=100), "GiB"),
        (Limits(numbers=10), "10 numbers"),
        (Limits(tensors=2), "2 tensors"),
        (Limits(members=2), "2 files"),
        (Limits(seconds=0.0), "longer than"),
    ],
)
def test_every_limit_is_kept(limits: Limits, words: str) -> None:
    with pytest.raises(FileRefused, match=words):
        read(memoryview(SMALL["zip"]), limits=limits)


def test_an_onnx_graph_is_recognised_and_refused_by_name() -> None:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Tanh", ["z"], ["y"])], "g", [value("z", TensorProto.FLOAT, [1, 4])],
        [value("y", TensorProto.FLOAT, [1, 4])],
    )  # fmt: skip
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    with pytest.raises(FileRefused, match="ONNX"):
        read_contents(memoryview(data), Budget(), {})


def test_a_tensor_beyond_its_storage_is_refused_and_the_last_number_is_not() -> None:
    from models.importing.unpickle.records import Storage

    storage = Storage("float32", 6, memoryview(np.arange(6, dtype=np.float32).tobytes()))
    assert tensor_bytes.tensor(Tensor(storage, 2, (2, 2), (2, 1)), Budget()).tolist() == [[2, 3], [4, 5]]
    with pytest.raises(FileRefused, match="reaches beyond"):
        tensor_bytes.tensor(Tensor(storage, 3, (2, 2), (2, 1)), Budget())


def test_a_pickler_of_these_tests_remembers_what_it_wrote() -> None:
    word = "module source " * 20
    assert len(Pickler(4).whole([word] * 50)) < 2 * len(word) + 400
    assert plainly(pickled([word] * 50)) == [word] * 50
