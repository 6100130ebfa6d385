"""Changes to an ONNX graph that let onnxruntime take it as tensors of any batch; they change no number in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ZIPMAP = "ZipMap"
GRAPH = 5  # AttributeProto.AttributeType
FLOAT = 1  # TensorProto.DataType
SHAPE_ONLY = ("Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")  # what passes labels on unchanged
MAX_STEPS = 16  # nodes between a label and the table that it selects from


def normalise(model: Any) -> None:
    """Drop imports that no node uses, make sides of 0 or less open, and replace ZipMap nodes by the tensors they read.

    scikit-learn's exporter ends a classifier with ZipMap, which turns the table of probabilities into dictionaries.
    """
    used = {node.domain or "ai.onnx" for node in _nodes(model.graph)} | {"ai.onnx"}
    imports = [entry for entry in model.opset_import if (entry.domain or "ai.onnx") in used]
    del model.opset_import[:]
    model.opset_import.extend(imports)
    for value in (*model.graph.input, *model.graph.output):
        for side in value.type.tensor_type.shape.dim if value.type.HasField("tensor_type") else ():
            if side.HasField("dim_value") and side.dim_value <= 0:
                side.Clear()
    _unwrap_zipmaps(model.graph)


def label_counts(graph: Any, labels: list[str]) -> dict[str, int]:
    """The number of classes of each label input that selects a row of a stored table; others are left out."""
    rows = {tensor.name: int(tensor.dims[0]) for tensor in graph.initializer if len(tensor.dims) >= 1}
    counts = {}
    for label in labels:
        names = {label}
        for _ in range(MAX_STEPS):
            names |= {
                node.output[0]
                for node in graph.node
                if node.op_type in SHAPE_ONLY and node.input and node.input[0] in names and node.output
            }
        tables = [
            rows[node.input[0]]
            for node in graph.node
            if node.op_type == "Gather" and len(node.input) == 2 and node.input[1] in names and node.input[0] in rows
        ]
        if tables:
            counts[label] = min(tables)
    return counts


def _unwrap_zipmaps(graph: Any) -> None:
    outputs = {value.name: value for value in graph.output}
    for node in graph.node:
        if node.op_type != ZIPMAP or len(node.input) != 1 or len(node.output) != 1 or node.output[0] not in outputs:
            continue
        attributes = node.attribute
        columns = max((len(one.ints) or len(one.strings) for one in attributes), default=0)
        node.op_type, node.domain = "Identity", ""
        del node.attribute[:]
        type = outputs[node.output[0]].type
        type.Clear()
        type.tensor_type.elem_type = FLOAT
        type.tensor_type.shape.dim.add()
        width = type.tensor_type.shape.dim.add()
        if columns:
            width.dim_value = columns


def _nodes(graph: Any, depth: int = 0) -> Iterator[Any]:
    # Every node, including those of graphs nested in nodes, as deep as the checks allow.
    for node in graph.node:
        yield node
        for attribute in node.attribute if depth <= 8 else ():
            for inner in [attribute.g] if attribute.type == GRAPH else attribute.graphs:
                yield from _nodes(inner, depth + 1)
