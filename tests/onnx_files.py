"""ONNX files for tests, made by code: valid regressors, and the parts of hostile ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from models.errors import Invalid, ModelFailed
from models.regressors.onnx import InputPlan, OnnxRegressor, fingerprint, guess_plan, inspect, stored_files
from models.regressors.protocol import RegressorCard, RegressorSpec
from server.storage.regressor_entry import RegressorEntry
from server.storage.regressors import Regressors

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
PICTURE: tuple[int | str, ...] = ("n", 3, 32, 32)


def model_bytes(
    nodes: Sequence[Any], weights: Sequence[Any] = (), *, shape: Sequence[Any] = PICTURE, out: Sequence[Any] = ("n", 1),
    opset: int = 17, outputs: Sequence[Any] | None = None, kind: int = FLOAT, domain: str = "",
) -> bytes:  # fmt: skip
    """A model with input "picture" and output "score"."""
    value = helper.make_tensor_value_info
    ends = [value("score", FLOAT, list(out))] if outputs is None else list(outputs)
    graph = helper.make_graph(list(nodes), "judge", [value("picture", kind, list(shape))], ends, list(weights))
    domains = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    data: bytes = helper.make_model(graph, opset_imports=domains, ir_version=8).SerializeToString()
    return data


def node(kind: str, inside: Sequence[str], outside: Sequence[str] = ("score",), **how: Any) -> Any:
    return helper.make_node(kind, list(inside), list(outside), **how)


def weight(name: str, values: Any, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def brightness(**how: Any) -> bytes:
    """Mean luma of an image in 0 to 1: the built-in measure as an upload."""
    luma = np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    nodes = [
        node("Conv", ["picture", "luma"], ["grey"]),
        node("GlobalAveragePool", ["grey"], ["mean"]),
        node("Flatten", ["mean"], ["score"]),
    ]
    return model_bytes(nodes, [weight("luma", luma)], **how)


def network(seed: int = 0, classes: int = 2) -> bytes:
    """A small convolutional network with random weights that returns `classes` numbers."""
    source = np.random.default_rng(seed)
    weights = [
        weight("a", source.normal(0, 0.3, (8, 3, 3, 3))),
        weight("b", source.normal(0, 0.3, (16, 8, 3, 3))),
        weight("c", source.normal(0, 0.5, (classes, 16))),
    ]
    nodes = [
        node("Conv", ["picture", "a"], ["x"], strides=[2, 2]),
        node("Relu", ["x"], ["y"]),
        node("Conv", ["y", "b"], ["z"], strides=[2, 2]),
        node("Relu", ["z"], ["u"]),
        node("GlobalAveragePool", ["u"], ["v"]),
        node("Flatten", ["v"], ["flat"]),
        node("Gemm", ["flat", "c"], ["score"], transB=1),
    ]
    return model_bytes(nodes, weights, out=("n", classes))


def spec(data: bytes, plan: InputPlan) -> RegressorSpec:
    """The spec of such a regressor."""
    card = RegressorCard("A test.", "None.", "A test.", "MIT", "It is a test.")
    return RegressorSpec("judge", "Judge", "onnx", False, (0.0, 1.0), "", fingerprint(data, plan), card)


def score_upload(data: bytes) -> torch.Tensor:
    """Scores of an uploaded file, after every check of an upload."""
    plan, _ = guess_plan(inspect(data))
    return OnnxRegressor(spec(data, plan), data, plan).score(torch.zeros(4, 3, 32, 32))


def assert_refused(data: bytes, pattern: str) -> None:
    """Assert that an upload is refused with a hint and a message that matches `pattern`."""
    with pytest.raises((Invalid, ModelFailed), match=pattern) as error:
        score_upload(data)
    text = str(error.value)
    assert text.endswith(".")
    assert text.isprintable()
    assert len(text) < 400
    assert error.value.hint


def two_means(ending: Sequence[Any] = (), *, columns: int = 2, out: Sequence[Any] | None = None, **how: Any) -> bytes:
    """Means of the three channels times a fixed matrix: `columns` logits, or what the nodes `ending` make of them."""
    matrix = np.arange(3 * columns).reshape(3, columns) / columns
    nodes = [
        node("GlobalAveragePool", ["picture"], ["mean"]),
        node("Flatten", ["mean"], ["flat"]),
        node("MatMul", ["flat", "matrix"], ["logits" if ending else "score"]),
        *ending,
    ]
    return model_bytes(nodes, [weight("matrix", matrix)], out=out or ("n", columns), **how)


def endless() -> bytes:
    """A regressor whose graph never ends."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Sin", ["held"], ["kept"])], "body",
        [value("i", INT, []), value("go", TensorProto.BOOL, []), value("held", FLOAT, None)],
        [value("on", TensorProto.BOOL, []), value("kept", FLOAT, None)],
    )  # fmt: skip
    nodes = [
        node("Loop", ["trips", "yes", "picture"], ["p"], body=body),
        node("GlobalAveragePool", ["p"], ["mean"]),
        node("Flatten", ["mean"]),
    ]
    return model_bytes(nodes, [weight("trips", 2**60, np.int64), weight("yes", True, bool)])


def keep_endless(regressors: Regressors, name: str = "endless") -> None:
    """Store such a regressor as if somebody had confirmed its plan, which its trial would not let them do."""
    data = endless()
    plan, _ = guess_plan(inspect(data))
    card = RegressorCard(*["A test."] * 5)
    described = RegressorSpec(name, name.title(), "onnx", False, (0.0, 1.0), "score", fingerprint(data, plan), card)
    entry = RegressorEntry(described, "uploaded", plan=plan.model_dump(mode="json"))
    regressors.keep(entry, stored_files(data, plan))
