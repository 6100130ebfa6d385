"""Graphs as other exporters write them: the scores are right, whatever the graph declares and does not use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from models.regressors.onnx import InputPlan, OnnxRegressor, guess_plan, inspect
from tests.models.sandbox.markers import needs_isolation
from tests.onnx_files import FLOAT, brightness, model_bytes, node, spec, two_means, weight

pytestmark = needs_isolation
PICTURES = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
MEANS = ((PICTURES + 1) / 2).mean(dim=(2, 3))
LOGITS = MEANS @ torch.arange(6.0).reshape(3, 2) / 2


def score(data: bytes, **changes: object) -> tuple[torch.Tensor, InputPlan]:
    plan = guess_plan(inspect(data))[0].model_copy(update=changes)
    regressor = OnnxRegressor(spec(data, plan), data, plan)
    try:
        return regressor.score(PICTURES), plan
    finally:
        regressor.close()


def with_domains(*domains: str) -> bytes:
    import onnx

    model = onnx.load_from_string(two_means())
    model.opset_import.extend(helper.make_opsetid(domain, 1) for domain in domains)
    return bytes(model.SerializeToString())


def with_sides(*sides: int) -> bytes:
    """The first sides of the input and of the output, as numbers that no tensor can have."""
    import onnx

    model = onnx.load_from_string(two_means())
    for side, value in zip(sides, (model.graph.input[0], model.graph.output[0]), strict=True):
        value.type.tensor_type.shape.dim[0].dim_value = side
    return bytes(model.SerializeToString())


def float64() -> bytes:
    """The means in double precision, both input and output."""
    nodes = [
        node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
        node("MatMul", ["mean", "matrix"]),
    ]
    matrix = weight("matrix", np.arange(6).reshape(3, 2) / 2, np.float64)
    ends = [helper.make_tensor_value_info("score", TensorProto.DOUBLE, ["n", 2])]
    return model_bytes(nodes, [matrix], kind=TensorProto.DOUBLE, outputs=ends)


@pytest.mark.parametrize(
    "data",
    [
        two_means(),
        with_domains("com.microsoft", "ai.onnx.training", "com.microsoft.nchwc", "nobody.knows"),
        two_means(opset=9),
        two_means(opset=10),
        two_means(opset=22),
        with_sides(-1, -1),
        with_sides(0, 0),
        float64(),
    ],
    ids=["usual", "unused domains", "opset 9", "opset 10", "opset 22", "sides -1", "sides 0", "float64"],
)
def test_what_a_graph_declares_and_does_not_use_changes_nothing(data: bytes) -> None:
    found, plan = score(data, column=1)
    assert plan.batch is None
    torch.testing.assert_close(found, LOGITS[:, 1], atol=1e-4, rtol=0)


def classifier() -> bytes:
    """A classifier as skl2onnx writes it: labels, and probabilities as a sequence of dictionaries."""
    nodes = [
        node("GlobalAveragePool", ["picture"], ["mean"]),
        node("Flatten", ["mean"], ["flat"]),
        helper.make_node(
            "LinearClassifier", ["flat"], ["label", "table"], domain="ai.onnx.ml", post_transform="SOFTMAX",
            coefficients=[0.0, 1.0, 2.0, 0.5, 1.5, 2.5], intercepts=[0.0, 0.0], classlabels_ints=[0, 1], multi_class=1,
        ),
        helper.make_node("ZipMap", ["table"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]  # fmt: skip
    mapping = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(FLOAT, []))
    ends = [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
        helper.make_value_info("output_probability", helper.make_sequence_type_proto(mapping)),
    ]
    graph: Any = helper.make_graph(
        nodes, "c", [helper.make_tensor_value_info("picture", FLOAT, ["n", 3, 32, 32])], ends
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=domains, ir_version=8).SerializeToString())


def test_the_probabilities_of_a_scikit_learn_classifier_are_a_table() -> None:
    passport = inspect(classifier())
    assert passport.outputs == (("label", "int64", (None,)), ("output_probability", "float32", (None, 2)))
    found, plan = score(classifier(), column=1)
    assert plan.output == "output_probability"
    logits = MEANS @ torch.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]])
    torch.testing.assert_close(found, logits.softmax(dim=1)[:, 1], atol=1e-4, rtol=0)


def test_an_old_plan_keeps_its_fingerprint_and_what_a_single_channel_needs_is_asked() -> None:
    plan, asks = guess_plan(inspect(brightness()))
    assert not {"bins", "sigmoid"} & plan.model_dump().keys()
    assert set(asks) == {"scale", "mean", "std", "order"}
    grey = model_bytes([node("GlobalAveragePool", ["picture"], ["m"]), node("Flatten", ["m"])], shape=("n", 1, 32, 32))
    plan, asks = guess_plan(inspect(grey))
    assert (plan.channels, set(asks)) == (1, {"scale", "mean", "std"})
