"""Graphs that grow, never end or hide what they read: each is ended or refused within its memory, with a message."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from models.sandbox.client import MEMORY
from tests.onnx_files import FLOAT, INT, assert_refused, brightness, model_bytes, node, weight

PREPARED = 700 * 2**20  # bytes that libraries take at most, before a file is opened
LARGE = "memory|cannot run|longer than"


def image_graph(*nodes: Any, weights: Sequence[Any] = (), out: Sequence[Any] = ("n", 3072)) -> bytes:
    return model_bytes([*nodes, node("Flatten", ["p"])], weights, out=out)


def large_output(kind: str) -> bytes:
    """An output of 50 GB by one operator."""
    times = weight("times", [1, 1, 4000, 4000], np.int64)
    if kind == "Tile":
        return image_graph(node("Tile", ["picture", "times"], ["p"]), weights=[times])
    if kind == "Resize":
        scales = weight("scales", [1, 1, 4000, 4000])
        return image_graph(node("Resize", ["picture", "", "scales"], ["p"]), weights=[scales])
    if kind == "Pad":
        return image_graph(
            node("Pad", ["picture", "pads"], ["p"]),
            weights=[weight("pads", [0, 0, 60_000, 60_000, 0, 0, 0, 0], np.int64)],
        )
    if kind == "OneHot":
        numbers, ends = weight("depth", 2**34, np.int64), weight("ends", [0.0, 1.0])
        return image_graph(
            node("Cast", ["picture"], ["c"], to=INT), node("OneHot", ["c", "depth", "ends"], ["p"]),
            weights=[numbers, ends],
        )  # fmt: skip
    if kind == "EyeLike":
        return image_graph(
            node("ConstantOfShape", ["side"], ["big"], value=weight("v", [1], np.uint8)),
            node("EyeLike", ["big"], ["eye"], dtype=FLOAT), node("ReduceMax", ["eye"], ["m"], keepdims=0),
            node("Add", ["picture", "m"], ["p"]), weights=[weight("side", [120_000, 120_000], np.int64)],
        )  # fmt: skip
    return image_graph(
        node("ConvTranspose", ["picture", "w"], ["p"], strides=[4000, 4000]),
        weights=[weight("w", np.ones((3, 3, 1, 1)))],
    )


def doubling(times: int) -> bytes:
    """A few hundred bytes whose output doubles at every step."""
    steps = [node("Concat", [f"x{step}", f"x{step}"], [f"x{step + 1}"], axis=3) for step in range(times)]
    return image_graph(node("Identity", ["picture"], ["x0"]), *steps, node("Identity", [f"x{times}"], ["p"]))


def random_large() -> bytes:
    return image_graph(
        node("RandomNormal", [], ["r"], shape=[110_000, 110_000]), node("ReduceMean", ["r"], ["m"], keepdims=0),
        node("Add", ["picture", "m"], ["p"]),
    )  # fmt: skip


def loop(inside: Sequence[Any], weights: Sequence[Any] = (), trips: int = 2**60) -> bytes:
    """A loop over a state, whose nodes `inside` make "kept" from "held"."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["going"], ["on"]), *inside], "body",
        [value("i", INT, []), value("going", TensorProto.BOOL, []), value("held", FLOAT, None)],
        [value("on", TensorProto.BOOL, []), value("kept", FLOAT, None)], list(weights),
    )  # fmt: skip
    return model_bytes(
        [node("Loop", ["trips", "yes", "picture"], ["p"], body=body), node("Flatten", ["p"])],
        [weight("trips", trips, np.int64), weight("yes", True, bool)], out=("n", 3072),
    )  # fmt: skip


def loops_in_loops() -> bytes:
    value = helper.make_tensor_value_info
    inner = [node("Add", ["held", "held"], ["kept"])]
    for depth in range(4):
        body = helper.make_graph(
            [node("Identity", [f"g{depth}"], [f"o{depth}"]), *inner], f"b{depth}",
            [value(f"i{depth}", INT, []), value(f"g{depth}", TensorProto.BOOL, []), value("held", FLOAT, None)],
            [value(f"o{depth}", TensorProto.BOOL, []), value("kept", FLOAT, None)],
        )  # fmt: skip
        inner = [helper.make_node("Loop", ["trips", "yes", "held" if depth < 3 else "picture"], ["kept"], body=body)]
    inner[0].output[0] = "p"
    return model_bytes(
        [*inner, node("Flatten", ["p"])], [weight("trips", 100_000, np.int64), weight("yes", True, bool)]
    )


def external_tensor(location: str = "/etc/passwd") -> Any:
    tensor = weight("k", np.zeros(1))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "140000000"), ("length", "4")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def mistyped_attribute() -> bytes:
    """A tensor in another file, in an attribute whose type says that it is a number."""
    made = node("Constant", [], ["k"], value=external_tensor())
    made.attribute[0].type = 2
    return model_bytes([made, node("Mul", ["picture", "k"])])


def sparse() -> bytes:
    made = helper.make_sparse_tensor(external_tensor(), weight("at", [0], np.int64), [10])
    return model_bytes([node("Constant", [], ["k"], sparse_value=made), node("Mul", ["picture", "k"])])


def changed_model(change: Callable[[Any], object]) -> bytes:
    model = ModelProto()
    model.ParseFromString(brightness())
    change(model)
    data: bytes = model.SerializeToString()
    return data


def two_opsets(model: Any) -> None:
    model.opset_import.append(helper.make_opsetid("", 999))


def many_outputs(model: Any) -> None:
    for _ in range(100_000):
        model.graph.output.append(model.graph.output[0])


def many_weights(model: Any) -> None:
    for number in range(100_000):
        model.graph.initializer.append(weight(f"w{number}", np.zeros(0)))
    model.graph.initializer.append(model.graph.initializer[1])


def of_type(kind: Any) -> Callable[[Any], object]:
    def change(model: Any) -> None:
        model.graph.output[0].type.CopyFrom(kind)

    return change


def empty_answer() -> bytes:
    cut = [weight(name, [number], np.int64) for name, number in (("start", 0), ("end", 0), ("axis", 1))]
    ends = [helper.make_tensor_value_info("score", FLOAT, ["n", 0, 32, 32])]
    return model_bytes([node("Slice", ["picture", "start", "end", "axis"])], cut, outputs=ends)


TENSOR = helper.make_tensor_type_proto(FLOAT, None)
BOMBS = {
    **{
        f"50 GB by {kind}": (large_output(kind), LARGE)
        for kind in ("Tile", "Resize", "Pad", "OneHot", "EyeLike", "Deconv")
    },
    "50 GB of noise": (random_large(), LARGE),
    "numbers that double forty times": (doubling(40), LARGE),
    "a loop that grows": (loop([node("Concat", ["held", "held"], ["kept"], axis=3)]), LARGE),
    "a loop that tiles": (
        loop([node("Tile", ["held", "t"], ["kept"])], [weight("t", [2, 1, 1, 1], np.int64)]),
        LARGE,
    ),
    "loops in loops": (loops_in_loops(), LARGE),
}
HIDDEN = {
    "in a loop": (loop([node("Mul", ["held", "k"], ["kept"])], [external_tensor()]), "another file"),
    "in an attribute of another kind": (mistyped_attribute(), "another file"),
    "in a sparse tensor": (sparse(), "another file"),
    "an address in memory": (
        model_bytes([node("Mul", ["picture", "k"])], [external_tensor("*/_ORT_MEM_ADDR_/*")]),
        "another file",
    ),
    "a folder above": (
        model_bytes([node("Mul", ["picture", "k"])], [external_tensor("../../../../proc/self/mem")]),
        "another",
    ),
}
INVALID = {
    "two opsets": (changed_model(two_opsets), "opset 999"),
    "no opset": (changed_model(lambda model: model.ClearField("opset_import")), "names no operators"),
    "no graph": (changed_model(lambda model: model.ClearField("graph")), "names no operators"),
    "a negative opset": (brightness(opset=-3), "opset -3|checker"),
    "a future format": (changed_model(lambda model: setattr(model, "ir_version", 10**6)), "checker"),
    "100,000 outputs": (changed_model(many_outputs), "outputs"),
    "100,000 empty weights, one twice": (changed_model(many_weights), "checker|cannot run|longer than"),
    "a map": (changed_model(of_type(helper.make_map_type_proto(INT, TENSOR))), "is not a tensor"),
    "an optional": (changed_model(of_type(helper.make_optional_type_proto(TENSOR))), "is not a tensor"),
    "an output that nothing makes": (
        changed_model(lambda model: setattr(model.graph.output[0], "name", "x")), "checker|run",
    ),
    "operators of onnxruntime": (
        model_bytes([helper.make_node("FusedMatMul", ["picture", "picture"], ["score"], domain="com.microsoft")]),
        "com.microsoft",
    ),
    "operators for training": (
        model_bytes([helper.make_node("Adam", ["picture"], ["score"], domain="ai.onnx.preview.training")]),
        "training",
    ),
    "seven channels": (model_bytes([node("Relu", ["picture"])], shape=("n", 7, 32, 32)), "7"),
    "a million channels": (model_bytes([node("Relu", ["picture"])], shape=("n", 10**6, 32, 32)), "1000000"),
    "a million pictures": (model_bytes([node("Relu", ["picture"])], shape=(10**6, 3, 32, 32)), "1000000 images"),
    "pictures of a million px": (model_bytes([node("Relu", ["picture"])], shape=(1, 3, 10**6, 10**6)), "1000000 px"),
    "sides beyond counting": (model_bytes([node("Relu", ["picture"])], shape=(1, 3, 2**62, 2**62)), "is malformed"),
    "twenty dimensions": (model_bytes([node("Relu", ["picture"])], shape=[1] * 20), "is malformed"),
    "an unknown dtype": (model_bytes([node("Relu", ["picture"])], kind=999), "other|checker|no kind"),
    "an answer without numbers": (empty_answer(), "0 numbers per image"),
    "a name of escapes": (
        model_bytes([node("Relu", ["picture"], ["\x1b[31m\u202e<script>"])], outputs=[
            helper.make_tensor_value_info("\x1b[31m\u202e<script>", FLOAT, ["n", 3, 32, 32])
        ]),
        "cannot run",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker stays under its memory limit, and this process takes little."""
    workers: list[int] = []

    class RecordedPopen(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            workers.append(self.pid)

    monkeypatch.setattr("models.sandbox.client.subprocess.Popen", RecordedPopen)
    before, largest, ended = memory_of("self", "VmRSS"), [0], threading.Event()

    def watch() -> None:
        # Not getrusage after the end: a child begins with its parent's peak, whatever it then takes itself.
        while not ended.wait(0.005):
            largest.extend(memory_of(worker, "VmHWM") for worker in workers)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    ended.set()
    watcher.join()
    assert not workers or 0 < max(largest) < MEMORY + PREPARED
    assert memory_of("self", "VmRSS") - before < 256 * 2**20


def memory_of(process: int | str, line: str) -> int:
    """Bytes by a line of /proc/PID/status: present memory (VmRSS) or its peak (VmHWM); 0 for an ended process."""
    with contextlib.suppress(OSError, StopIteration):
        text = Path(f"/proc/{process}/status").read_text()
        return 1024 * next(int(words.split()[1]) for words in text.splitlines() if words.startswith(line))
    return 0


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_ended(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.regressors.onnx.regressor.SECONDS", 2.0)
    assert_refused(*BOMBS[name])


@pytest.mark.parametrize("name", HIDDEN)
def test_external_data_is_refused_wherever_it_hides(name: str) -> None:
    assert_refused(*HIDDEN[name])


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_graph_is_refused(name: str) -> None:
    assert_refused(*INVALID[name])


def test_the_corpus_has_at_least_37_files() -> None:
    assert len(BOMBS) + len(HIDDEN) + len(INVALID) >= 37
