"""Regressor uploads that are broken, hostile or something else: each is refused with a message, nothing is executed."""

from __future__ import annotations

import io
import os
import pickle  # noqa: TID251 - to write what must never be loaded
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from models.regressors.onnx import InputPlan, OnnxRegressor, guess_plan, inspect
from tests.onnx_files import FLOAT, INT, assert_refused, brightness, model_bytes, network, node, spec, weight

SENTINEL = Path(tempfile.gettempdir()) / f"latentwalk-attack-{os.getpid()}"


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, (f"touch {SENTINEL}",)


def image(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(buffer, format)
    return buffer.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return buffer.getvalue()


def names(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number in range(count):
            made.writestr(str(number), b"")
    return buffer.getvalue()


def external() -> bytes:
    tensor = weight("luma", np.zeros((1, 3, 1, 1)))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"
    return model_bytes([node("Conv", ["picture", "luma"])], [tensor])


def external_in_node() -> bytes:
    tensor = weight("k", np.zeros(1))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return model_bytes([node("Constant", [], ["k"], value=tensor), node("Mul", ["picture", "k"])])


def tensor_claiming(*dims: int) -> bytes:
    tensor = weight("w", np.zeros(1))
    tensor.ClearField("dims")
    tensor.dims.extend(dims)
    return model_bytes([node("Mul", ["picture", "w"])], [tensor])


def nested(depth: int) -> bytes:
    value = helper.make_tensor_value_info
    inner = helper.make_graph([node("Identity", ["picture"], ["deep0"])], "g", [], [value("deep0", FLOAT, None)])
    for number in range(depth):
        # The other branch is flat, or each level would double the file.
        flat = helper.make_graph([node("Identity", ["picture"], ["e"])], "e", [], [value("e", FLOAT, None)])
        once = [node("If", ["yes"], [f"deep{number + 1}"], then_branch=inner, else_branch=flat)]
        inner = helper.make_graph(once, "g", [], [value(f"deep{number + 1}", FLOAT, None)])
    return model_bytes([node("If", ["yes"], then_branch=inner, else_branch=inner)], [weight("yes", True, bool)])


def many(count: int) -> bytes:
    nodes = [node("Identity", [f"x{number}"], [f"x{number + 1}"]) for number in range(count)]
    return model_bytes([node("Identity", ["picture"], ["x0"]), *nodes, node("Flatten", [f"x{count}"])])


def cycle() -> bytes:
    return model_bytes([node("Add", ["picture", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Flatten", ["b"])])


def sequence() -> bytes:
    ends = [helper.make_tensor_sequence_value_info("score", FLOAT, None)]
    return model_bytes([node("SequenceConstruct", ["picture"])], outputs=ends)


def words() -> bytes:
    ends = [helper.make_tensor_value_info("score", TensorProto.STRING, [1])]
    tensor = helper.make_tensor("w", TensorProto.STRING, [1], [b"hello"])
    return model_bytes([node("Constant", [], value=tensor)], outputs=ends)


def without_input() -> bytes:
    value = helper.make_tensor_value_info
    graph = helper.make_graph([node("Constant", [], value=weight("w", [1.0]))], "g", [], [value("score", FLOAT, [1])])
    data: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return data


def two_inputs() -> bytes:
    value = helper.make_tensor_value_info
    inputs = [value(name, FLOAT, [1, 3, 32, 32]) for name in ("a", "b")]
    graph = helper.make_graph([node("Add", ["a", "b"])], "g", inputs, [value("score", FLOAT, None)])
    data: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return data


def functions() -> bytes:
    model = helper.make_model(helper.make_graph([], "g", [], []), ir_version=8)
    model.ParseFromString(brightness())
    model.functions.append(
        helper.make_function(
            "stranger", "F", ["x"], ["y"], [node("Identity", ["x"], ["y"])], [helper.make_opsetid("", 17)]
        )
    )
    data: bytes = model.SerializeToString()
    return data


OTHER_FORMATS = {
    "nothing": (b"", "empty"),
    "zeros": (b"\x00" * 1000, "not ONNX"),
    "a text": (b"import os\n", "a text file, not ONNX"),
    "json": (b'{"a": 1}', "a text"),
    "html": (b"<html></html>", "a text"),
    "a script": (b"#!/bin/sh\n", "a text"),
    "a pickle": (pickle.dumps(Bomb()), "a pickle"),
    "a pickle of protocol 5": (pickle.dumps(Bomb(), 5), "a pickle"),
    "an old pickle": (pickle.dumps(Bomb(), 0), "a text file, not ONNX"),
    "a PyTorch checkpoint": (
        archive({"archive/data.pkl": pickle.dumps(Bomb()), "archive/version": b"3"}),
        "a PyTorch checkpoint",
    ),
    "TorchScript": (archive({"a/constants.pkl": b"", "a/data.pkl": pickle.dumps(Bomb())}), "TorchScript"),
    "a .pt2": (archive({"a/archive_format": b"pt2"}), "exported PyTorch"),
    "a zip bomb": (archive({"bomb": b"\x00" * 50_000_000}), "a zip archive"),
    "a cut zip": (archive({"bomb": b"1" * 10_000})[:60], "damaged zip"),
    "a JPEG": (image("JPEG"), "a JPEG image"),
    "a PNG": (image("PNG"), "a PNG image"),
    "a WebP": (image("WEBP"), "a WebP image"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\x00" * 100, "Keras"),
    "TFLite": (b"\x1c\x00\x00\x00TFL3" + b"\x00" * 100, "TensorFlow Lite"),
    "safetensors": ((2).to_bytes(8, "little") + b"{}" + b"\x00" * 20, "safetensors"),
    "gzip": (b"\x1f\x8b\x08\x00" + b"\x00" * 50, "gzip"),
    "a program": (b"\x7fELF" + b"\x00" * 50, "a program"),
    "a pickle, compressed": (zlib.compress(pickle.dumps(Bomb())), "as joblib writes it"),
    "a Keras model": (archive({"config.json": b"{}", "model.weights.h5": b""}), "a Keras model"),
    "NumPy": (b"\x93NUMPY\x01\x00" + b"\x00" * 50, "a NumPy array"),
    "arrays of NumPy": (archive({"a.npy": pickle.dumps(Bomb())}), "a file of NumPy arrays"),
    "GGUF": (b"GGUF" + b"\x00" * 50, "GGUF"),
    "onnxruntime's own": (b"\x08\x00\x00\x00ORTM" + b"\x00" * 50, "onnxruntime's own"),
    "TorchScript for phones": (b"\x08\x00\x00\x00PTMF" + b"\x00" * 50, "for phones"),
    "a video": (b"\x00\x00\x00\x18ftypisom" + b"\x00" * 50, "an MP4 or QuickTime video"),
    "a tar": (b"\x08" + b"\x00" * 256 + b"ustar" + b"\x00" * 500, "a tar"),
    "a zip of many names": (names(20_000), "a zip archive"),
    "safetensors with a false header length": ((2**40).to_bytes(8, "little") + b"{" * 50, "This is not ONNX"),
    "safetensors of brackets": ((2**16).to_bytes(8, "little") + b"{" + b'"a":[' * 20_000, "a safetensors file"),
}
INVALID_GRAPHS = {
    "cut off": (network()[: len(network()) // 2], "cut off|checker"),
    "one byte": (b"\x08", "cut off"),
    "random": (b"\x08" + np.random.default_rng(0).bytes(4000), "cannot be read|opset"),
    "a protobuf of depth": (b"\x08\x08" + b"\x3a\x7f" * 20_000, "cannot be read|opset"),
    "a length that lies": (b"\x08\x08\x3a\xff\xff\xff\xff\x0f", "cannot be read"),
    "external data": (external(), "another file"),
    "external data in a node": (external_in_node(), "another file"),
    "a custom domain": (
        model_bytes([helper.make_node("Evil", ["picture"], ["score"], domain="evil")], domain="evil"),
        "evil",
    ),
    "a domain undeclared": (model_bytes([helper.make_node("Evil", ["picture"], ["score"], domain="evil")]), "evil"),
    "functions": (functions(), "not ONNX's own"),
    "opset 5": (brightness(opset=5), "opset 5"),
    "opset 999": (brightness(opset=999), "opset 999"),
    "100,000 nodes": (many(100_000), "100,00. nodes|100,002"),
    "a cycle": (cycle(), "checker"),
    "the same name twice": (model_bytes([node("Relu", ["picture"]), node("Relu", ["picture"])]), "checker"),
    "an unknown operator": (model_bytes([node("Explode", ["picture"])]), "checker"),
    "sides without numbers": (tensor_claiming(2**40, 2**20), "checker"),
    "negative sides": (tensor_claiming(-5, 3), "negative"),
    "no input": (without_input(), "0 inputs"),
    "two inputs": (two_inputs(), "2 inputs"),
    "no output": (model_bytes([node("Relu", ["picture"])], outputs=[]), "no outputs"),
    "a sequence": (sequence(), "is not a tensor"),
    "nested twelve deep": (nested(12), "nested more than 8 levels deep"),
}
NOT_FOR_IMAGES = {
    "words": (words(), "table of numbers"),
    "a table": (model_bytes([node("Relu", ["picture"])], shape=(4, 5), out=(4, 5)), "2 dimensions"),
    "seven channels": (model_bytes([node("Flatten", ["picture"])], shape=(1, 7, 9, 9)), "neither one nor three"),
}


def huge(kind: str) -> bytes:
    side = weight("side", [120_000, 120_000], np.int64)
    if kind == "ConstantOfShape":
        nodes = [node("ConstantOfShape", ["side"], ["big"])]
    elif kind == "Expand":
        nodes = [node("Expand", ["one", "side"], ["big"])]
    else:
        nodes = [node("Range", ["zero", "end", "step"], ["big"])]
    more = [weight("one", [1.0]), weight("zero", 0.0), weight("end", 1e10), weight("step", 1.0)]
    nodes += [node("ReduceMean", ["big"], ["mean"], keepdims=0), node("Add", ["picture", "mean"], ["p"])]
    return model_bytes([*nodes, node("Flatten", ["p"])], [side, *more], out=("n", 3072))


def endless() -> bytes:
    value = helper.make_tensor_value_info
    steps = [node("Identity", ["going"], ["on"]), node("Add", ["held", "held"], ["more"])]
    inside = [value("i", INT, []), value("going", TensorProto.BOOL, []), value("held", FLOAT, None)]
    outside = [value("on", TensorProto.BOOL, []), value("kept", FLOAT, None)]
    steps.append(node("Mul", ["more", "half"], ["kept"]))
    body = helper.make_graph(steps, "body", inside, outside, [weight("half", 0.5)])
    nodes = [node("Loop", ["trips", "yes", "picture"], ["last"], body=body), node("Flatten", ["last"])]
    return model_bytes(nodes, [weight("trips", 2**60, np.int64), weight("yes", True, bool)], out=("n", 3072))


def not_numbers(kind: str) -> bytes:
    nodes = [node("GlobalAveragePool", ["picture"], ["p"]), node("Mul", ["p", "zero"], ["q"])]
    nodes += [node("Div", ["q" if kind == "nan" else "one", "q"], ["r"]), node("Flatten", ["r"])]
    return model_bytes(nodes, [weight("zero", 0.0), weight("one", 1.0)], out=("n", 3))


MISBEHAVING = {
    "50 GB by ConstantOfShape": (huge("ConstantOfShape"), "memory|cannot run"),
    "50 GB by Expand": (huge("Expand"), "memory|cannot run"),
    "40 GB by Range": (huge("Range"), "memory|cannot run"),
    "a loop without end": (endless(), "longer than"),
    "scores that are NaN": (not_numbers("nan"), "not numbers"),
    "scores that are infinite": (not_numbers("inf"), "not numbers"),
    "one score for all": (
        model_bytes([node("ReduceMean", ["picture"], keepdims=0)], out=()),
        "instead of a score for each",
    ),
    "a shape that fits nothing": (
        model_bytes([node("MatMul", ["picture", "w"])], [weight("w", np.ones((7, 7)))]),
        "cannot run|checker",
    ),
}


@pytest.fixture(autouse=True)
def no_code_ran():
    SENTINEL.unlink(missing_ok=True)
    yield
    assert not SENTINEL.exists()


@pytest.mark.parametrize("name", OTHER_FORMATS)
def test_other_formats_are_named_and_not_opened(name: str) -> None:
    assert_refused(*OTHER_FORMATS[name])


@pytest.mark.parametrize("name", INVALID_GRAPHS)
def test_an_invalid_graph_is_refused_in_the_sandbox(name: str) -> None:
    assert_refused(*INVALID_GRAPHS[name])


@pytest.mark.parametrize("name", NOT_FOR_IMAGES)
def test_a_graph_that_takes_no_image_is_refused(name: str) -> None:
    assert_refused(*NOT_FOR_IMAGES[name])


@pytest.mark.parametrize("name", MISBEHAVING)
def test_a_graph_that_misbehaves_when_run_is_ended(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.regressors.onnx.regressor.SECONDS", 1.5)
    assert_refused(*MISBEHAVING[name])


class Plain(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean(dim=(1, 2, 3))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: torch.save(torch.nn.Linear(2, 2).state_dict(), file), "a PyTorch checkpoint"),
        (
            lambda file: torch.save({"a": 1}, file, _use_new_zipfile_serialization=False),
            "a PyTorch file in the legacy pickle format",
        ),
        (lambda file: torch.jit.save(torch.jit.trace(Plain(), torch.zeros(1, 3, 8, 8)), file), "TorchScript"),
        (
            lambda file: torch.export.save(torch.export.export(Plain(), (torch.zeros(1, 3, 8, 8),)), file),
            "an exported PyTorch program",
        ),
        (lambda file: np.savez(file, a=np.zeros(3)), "arrays"),
        (lambda file: np.save(file, np.zeros(3)), "a NumPy array"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_written_by_other_libraries_are_named(write: Callable[[io.BytesIO], None], message: str) -> None:
    file = io.BytesIO()
    write(file)
    assert_refused(file.getvalue(), f"This is .*{message}")


def test_the_corpus_has_at_least_68_files() -> None:
    assert len(OTHER_FORMATS) + len(INVALID_GRAPHS) + len(NOT_FOR_IMAGES) + len(MISBEHAVING) >= 68


def test_valid_regressors_are_accepted() -> None:
    for data in (brightness(), network(), brightness(opset=9), brightness(opset=21)):
        plan, _ = guess_plan(inspect(data))
        assert isinstance(plan, InputPlan)
        assert OnnxRegressor(spec(data, plan), data, plan).score(torch.zeros(2, 3, 32, 32)).shape == (2,)
