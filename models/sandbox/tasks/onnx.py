"""ONNX in the jail: what a file holds, and a judge's numbers for pictures or a generator's pictures for latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from models.errors import Invalid

Answer = tuple[dict[str, Any], list[np.ndarray]]
OPSETS = (11, 28)  # the oldest we read and the newest that this onnxruntime does
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
MOST_NODES = 20_000
MOST_OUTPUTS = 64
MOST_TENSORS = 20_000  # that are listed
DEEPEST = 8
KINDS = {1: "float32", 10: "float16", 11: "float64", 2: "uint8", 6: "int32", 7: "int64"}

_open: dict[str, Any] = {}


def prepare() -> None:
    """Import what is needed, and use each part once: nothing can be imported later."""
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
    except Exception:  # its error's own imports are warmed up by this, too
        _open.clear()


def inspect(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """What the model in `arrays[0]` (uint8) holds; Invalid where it is not one that is taken.

    A judge has one input; `inputs` says how many a generator may have. `inventory` lists its tensors and operators.
    """
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(arrays[0].tobytes())
    except Exception:
        raise Invalid("It cannot be read as ONNX: it is cut off, or something else.") from None
    if not model.HasField("graph") or not model.opset_import:
        raise Invalid("It cannot be read as ONNX: it names no operators, and may be another kind of model.")
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if not OPSETS[0] <= opset <= OPSETS[1]:
        raise Invalid(f"It is of opset {opset}; {OPSETS[0]} to {OPSETS[1]} can be read.")
    other = sorted({entry.domain for entry in model.opset_import} - set(DOMAINS))
    if model.functions or other:
        named = f" ({', '.join(other)[:100]})" if other else ""
        raise Invalid(f"It needs operators that are not ONNX's own{named}.")
    nodes, numbers = _walk(model.graph)
    kept = {tensor.name for tensor in model.graph.initializer}
    inputs = [_value(value) for value in model.graph.input if value.name not in kept]
    outputs = [_value(value) for value in model.graph.output]
    most = int(given.get("inputs", 1))
    if not 1 <= len(inputs) <= most:
        taken = "a judge takes one, the picture" if most == 1 else f"a generator has 1 to {most}: z and classes"
        raise Invalid(f"It has {len(inputs)} inputs; {taken}.")
    if not 1 <= len(outputs) <= MOST_OUTPUTS:
        raise Invalid(f"It has {len(outputs) or 'no'} outputs; a judge has 1 to {MOST_OUTPUTS}.")
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:200]
        raise Invalid(f"ONNX's own checker refuses it: {reason.rstrip(' .:')}.") from None
    more: dict[str, Any] = {"inputs": inputs} if most > 1 else {}
    if given.get("inventory"):
        stored = list(model.graph.initializer)[:MOST_TENSORS]
        more["tensors"] = [[one.name[:200], KINDS.get(one.data_type, "other"), list(one.dims)] for one in stored]
        more["operators"] = sorted({node.op_type[:60] for node in model.graph.node})[:500]
    metadata = {entry.key[:60]: entry.value[:200] for entry in list(model.metadata_props)[:20]}
    return {
        "opset": opset, "ir": model.ir_version, "producer": model.producer_name[:60], "nodes": nodes,
        "parameters": numbers, "input": inputs[0], "outputs": outputs, "metadata": metadata, **more,
    }, []  # fmt: skip


def load(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """Make the model in `arrays[0]` ready to run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(arrays[0].tobytes(), options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise Invalid(f"onnxruntime cannot run it: {_reason(error)}.") from None
    _open["session"] = session
    return {"input": session.get_inputs()[0].name}, []


def run(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The output named `output`, float32, for the inputs in `arrays`, in their order."""
    session = _open["session"]
    try:
        named = {one.name: array for one, array in zip(session.get_inputs(), arrays, strict=True)}
        found = session.run([given["output"]], named)[0]
    except Exception as error:
        if "alloc" in str(error).lower():
            raise MemoryError from None
        raise Invalid(f"onnxruntime cannot run it: {_reason(error)}.") from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise Invalid("Its output is not a table of numbers.")
    return {}, [found.astype(np.float32)]


def _walk(graph: Any, depth: int = 0) -> tuple[int, int]:
    # Nodes and stored numbers of a graph and of those inside its nodes.
    if depth > DEEPEST:
        raise Invalid(f"Its graphs are nested deeper than {DEEPEST} times.")
    nodes, numbers = len(graph.node), 0
    if nodes > MOST_NODES:
        raise Invalid(f"It has {nodes:,} nodes; at most {MOST_NODES:,} are taken.")
    for tensor in _tensors(graph):
        if tensor.data_location == 1 or tensor.external_data:
            raise Invalid("Its weights lie in another file, which is not read. Export it as one file.")
        if any(side < 0 for side in tensor.dims):
            raise Invalid("One of its tensors has a negative side.")
        numbers += int(np.prod([int(side) for side in tensor.dims], dtype=object))
    for node in graph.node:
        if node.domain not in DOMAINS:
            raise Invalid(f"It needs an operator that is not ONNX's own ({node.domain[:60]}).")
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.type == 5 else attribute.graphs:
                more, stored = _walk(inner, depth + 1)
                nodes, numbers = nodes + more, numbers + stored
    if nodes > MOST_NODES:
        raise Invalid(f"It has {nodes:,} nodes; at most {MOST_NODES:,} are taken.")
    return nodes, numbers


def _tensors(graph: Any) -> Iterable[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):  # whatever kind the attribute says it is
                yield attribute.t
            yield from attribute.tensors
            held = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            for sparse in [*held, *attribute.sparse_tensors]:
                yield from (sparse.values, sparse.indices)


def _value(value: Any) -> Mapping[str, Any]:
    if value.type.WhichOneof("value") != "tensor_type":
        raise Invalid(f"“{value.name[:60]}” is no tensor; a judge takes a picture and gives numbers.")
    tensor = value.type.tensor_type
    shape = [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
    if any(side is not None and side < 0 for side in shape):
        raise Invalid(f"“{value.name[:60]}” has a negative side.")
    known = tensor.HasField("shape")
    return {"name": value.name[:200], "kind": KINDS.get(tensor.elem_type, "other"), "shape": shape if known else None}


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.rpartition(" : ")[2][:200].rstrip(". ")


CALLS = {"inspect": inspect, "load": load, "run": run}
