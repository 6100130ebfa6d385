"""The sandbox task for ONNX: what a file holds, a regressor's scores for images, a generator's images for latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from models.errors import Invalid
from models.sandbox.tasks.onnx_rewrites import label_counts, normalise

Answer = tuple[dict[str, Any], list[np.ndarray]]
OPSETS = (9, 28)  # the oldest that is accepted, and the newest that this onnxruntime supports
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
MAX_NODES = 20_000
MAX_OUTPUTS = 64
MAX_TENSORS = 20_000  # that are listed
MAX_DEPTH = 8  # of graphs nested in nodes
DTYPES = {1: "float32", 10: "float16", 11: "float64", 2: "uint8", 6: "int32", 7: "int64"}  # TensorProto.DataType
EXTERNAL = 1  # TensorProto.DataLocation
GRAPH = 5  # AttributeProto.AttributeType

_loaded: dict[str, Any] = {}


def prepare() -> None:
    """Import everything and use each part once, because nothing can be imported once the sandbox is closed."""
    import onnxruntime
    from onnx import TensorProto, helper

    onnxruntime.set_default_logger_severity(4)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)], "warm",
        [value("x", TensorProto.FLOAT, [1, 3, 4, 4])], [value("y", TensorProto.FLOAT, [])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = np.frombuffer(model.SerializeToString(), np.uint8)
    inspect({}, [data])
    load({}, [data])
    run({"output": "y"}, [np.zeros((1, 3, 4, 4), np.float32)])
    try:
        inspect({}, [data[:20]])
    except Exception:  # so that the imports of error handling are done, too
        _loaded.clear()


def inspect(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """What the model in `arrays[0]` (uint8) holds. Raises Invalid where it is not a regressor or generator.

    A regressor has one input; the parameter `inputs` says how many a generator may have, and `inventory` asks for a
    list of its tensors and operators.
    """
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(arrays[0].tobytes())
    except Exception:
        raise Invalid("The file cannot be read as ONNX: it is cut off, or of another format.") from None
    if not model.HasField("graph") or not model.opset_import:
        raise Invalid("The file cannot be read as ONNX: it names no operators, and may be another kind of model.")
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if not OPSETS[0] <= opset <= OPSETS[1]:
        raise Invalid(f"The graph uses opset {opset}; {OPSETS[0]} to {OPSETS[1]} are supported.")
    if model.functions:
        raise Invalid("The graph defines operators that are not ONNX's own.")
    nodes, parameter_count = _check_graph(model.graph)
    normalise(model)
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [_value(value) for value in model.graph.input if value.name not in stored]
    outputs = [_value(value) for value in model.graph.output]
    max_inputs = int(parameters.get("inputs", 1))
    if not 1 <= len(inputs) <= max_inputs:
        usual = (
            "a regressor has 1, the image"
            if max_inputs == 1
            else f"a generator has 1 to {max_inputs}: z, and perhaps a class and a truncation"
        )
        raise Invalid(f"The graph has {len(inputs)} inputs; {usual}.")
    if not 1 <= len(outputs) <= MAX_OUTPUTS:
        raise Invalid(f"The graph has {len(outputs) or 'no'} outputs; 1 to {MAX_OUTPUTS} are supported.")
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:200]
        raise Invalid(f"ONNX's own checker refuses the graph: {reason.rstrip(' .:')}.") from None
    more: dict[str, Any] = {}
    if max_inputs > 1:
        labels = [str(value["name"]) for value in inputs if value["kind"] in ("int32", "int64")]
        more = {"inputs": inputs, "labels": label_counts(model.graph, labels)}
    if parameters.get("inventory"):
        tensors = list(model.graph.initializer)[:MAX_TENSORS]
        more["tensors"] = [
            [tensor.name[:200], DTYPES.get(tensor.data_type, "other"), list(tensor.dims)] for tensor in tensors
        ]
        more["operators"] = sorted({node.op_type[:60] for node in model.graph.node})[:500]
    metadata = {entry.key[:60]: entry.value[:200] for entry in list(model.metadata_props)[:20]}
    return {
        "opset": opset, "ir": model.ir_version, "producer": model.producer_name[:60], "nodes": nodes,
        "parameters": parameter_count, "input": inputs[0], "outputs": outputs, "metadata": metadata, **more,
    }, []  # fmt: skip


def load(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """Load the model in `arrays[0]` (uint8), so that `run` can run it."""
    import onnx
    import onnxruntime

    model = onnx.ModelProto()
    try:
        model.ParseFromString(arrays[0].tobytes())
        normalise(model)
        data = model.SerializeToString()
    except MemoryError:
        raise
    except Exception:
        raise Invalid("The file cannot be read as ONNX: it is cut off, or of another format.") from None
    del model
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise Invalid(f"onnxruntime cannot run the graph: {_reason(error)}.") from None
    _loaded["session"] = session
    return {"input": session.get_inputs()[0].name}, []


def run(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The output that the parameter `output` names, float32, for the inputs in `arrays`, in their order."""
    session = _loaded["session"]
    try:
        inputs = {value.name: array for value, array in zip(session.get_inputs(), arrays, strict=True)}
        output = session.run([parameters["output"]], inputs)[0]
    except Exception as error:
        if "alloc" in str(error).lower():
            raise MemoryError from None
        raise Invalid(f"onnxruntime cannot run the graph: {_reason(error)}.") from None
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiub":
        raise Invalid("The output is not an array of numbers.")
    return {}, [output.astype(np.float32)]


def _check_graph(graph: Any, depth: int = 0) -> tuple[int, int]:
    # The number of nodes and of stored numbers, including those of graphs nested in nodes.
    if depth > MAX_DEPTH:
        raise Invalid(f"The graphs are nested more than {MAX_DEPTH} levels deep.")
    nodes, numbers = len(graph.node), 0
    if nodes > MAX_NODES:
        raise Invalid(f"The graph has {nodes:,} nodes; at most {MAX_NODES:,} are supported.")
    for tensor in _tensors(graph):
        if tensor.data_location == EXTERNAL or tensor.external_data:
            raise Invalid(
                "The weights lie in another file, which is not read. Export the model as one file: external_data=False."
            )
        if any(side < 0 for side in tensor.dims):
            raise Invalid("A tensor has a negative side.")
        numbers += int(np.prod([int(side) for side in tensor.dims], dtype=object))
    for node in graph.node:
        if node.domain not in DOMAINS:
            raise Invalid(f"The graph uses an operator that is not ONNX's own ({node.domain[:60]}).")
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.type == GRAPH else attribute.graphs:
                inner_nodes, inner_numbers = _check_graph(inner, depth + 1)
                nodes, numbers = nodes + inner_nodes, numbers + inner_numbers
    if nodes > MAX_NODES:
        raise Invalid(f"The graph has {nodes:,} nodes; at most {MAX_NODES:,} are supported.")
    return nodes, numbers


def _tensors(graph: Any) -> Iterable[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):  # independent of the type that the attribute declares
                yield attribute.t
            yield from attribute.tensors
            single = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            for sparse in [*single, *attribute.sparse_tensors]:
                yield from (sparse.values, sparse.indices)


def _value(value: Any) -> Mapping[str, Any]:
    if value.type.WhichOneof("value") != "tensor_type":
        raise Invalid(
            f"“{value.name[:60]}” is not a tensor; only tensors are supported. "
            "For a scikit-learn model, convert it with options={'zipmap': False}."
        )
    tensor = value.type.tensor_type
    shape = [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
    dtype, has_shape = DTYPES.get(tensor.elem_type, "other"), tensor.HasField("shape")
    return {"name": value.name[:200], "kind": dtype, "shape": shape if has_shape else None}


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.rpartition(" : ")[2][:200].rstrip(". ")


CALLS = {"inspect": inspect, "load": load, "run": run}
