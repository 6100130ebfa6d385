"""ONNX generators: inspected and run in the sandbox, steered by discovery and scores, without a gradient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from latentwalk.errors import Invalid, ModelFailed
from latentwalk.progress import finish
from latentwalk.steering.discovery import discover
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.learning.transform_objective import fit
from latentwalk.steering.scores.learn import learn
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.settings import ScoreSettings
from latentwalk.steering.transforms import find
from models.base import Generator
from models.generators.onnx import OnnxGenerator
from models.generators.sandbox_task import first_picture
from models.importing.onnx.generators import GraphOptions, guess_range
from models.importing.open_checkpoint import golden_hash, open_checkpoint, try_generator
from models.regressors.image_measures import MEASURES
from server.cli.main import main
from server.storage.library import Library
from tests.models.sandbox.markers import needs_isolation
from tests.onnx_files import node, weight

pytestmark = needs_isolation
D = 6
SOURCE = np.random.default_rng(0)
FIRST = SOURCE.normal(0, 0.5, (D, 8 * 16)).astype(np.float32)
KERNEL = SOURCE.normal(0, 0.2, (8, 3, 4, 4)).astype(np.float32)


def graph(
    classes: int = 0, z: tuple[Any, ...] = ("n", D), out: tuple[Any, ...] = ("n", 3, 16, 16), end: str = "Tanh",
    last: bool = False, more: int = 0,
) -> bytes:  # fmt: skip
    """A generator of 16 px: a matrix, two upsampling convolutions, and the activation `end`."""
    value, kind = helper.make_tensor_value_info, TensorProto.FLOAT
    weights = [
        weight("first", FIRST), weight("shape", [-1, 8, 4, 4], np.int64), weight("flat", [-1, D], np.int64),
        weight("kernel", KERNEL), weight("again", SOURCE.normal(0, 0.3, (3, 3, 4, 4))),
        weight("classes_input", SOURCE.normal(0, 1, (max(classes, 1), 8 * 16))),
    ]  # fmt: skip
    up = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    classes_input = [node("Identity", ["a0"], ["a"])]
    if classes:
        classes_input = [node("MatMul", ["c", "classes_input"], ["k"]), node("Add", ["a0", "k"], ["a"])]
    nodes = [
        node("Reshape", ["z", "flat"], ["rows"]),
        node("MatMul", ["rows", "first"], ["a0"]),
        *classes_input,
        node("Reshape", ["a", "shape"], ["b"]),
        node("ConvTranspose", ["b", "kernel"], ["d"], **up),
        node("LeakyRelu", ["d"], ["e"]),
        node("ConvTranspose", ["e", "again"], ["f"], **up),
        node(end, ["f"], ["g"]),
        node("Transpose", ["g"], ["picture"], perm=[0, 2, 3, 1] if last else [0, 1, 2, 3]),
    ]  # fmt: skip
    inputs = [value("z", kind, list(z))] + ([value("c", kind, [z[0], classes])] if classes else [])
    inputs += [value(f"more{number}", kind, [1, 2]) for number in range(more)]
    images = helper.make_graph(nodes, "g", inputs, [value("picture", kind, list(out))], weights)
    data: bytes = helper.make_model(
        images, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return data


def open_graph(folder: Path, data: bytes) -> tuple[Generator, Any]:
    path = folder / "mine.bin"
    path.write_bytes(data)
    found = open_checkpoint(path)
    generator, _ = try_generator(found, found.spec("mine", 2026))
    return generator, found.passport


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    return open_graph(tmp_path_factory.mktemp("graph"), graph())[0]


def images_of(generator: Generator, count: int = 3) -> torch.Tensor:
    classes_input = len(generator.spec.classes)
    classes = torch.eye(classes_input)[:1].expand(count, -1) if classes_input else None
    return generator.synthesize(generator.map(generator.sample(range(count)), classes), classes)


def torch_images(z: torch.Tensor, again: np.ndarray) -> torch.Tensor:
    x = (z @ torch.from_numpy(FIRST)).view(-1, 8, 4, 4)
    up = {"stride": 2, "padding": 1}
    x = torch.nn.functional.leaky_relu(torch.nn.functional.conv_transpose2d(x, torch.from_numpy(KERNEL), **up), 0.01)
    return torch.nn.functional.conv_transpose2d(x, torch.from_numpy(again.copy()), **up).tanh()


def test_images_match_torch_with_the_same_weights(tmp_path: Path) -> None:
    data = graph()
    stored = {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(data).graph.initializer}
    generator, passport = open_graph(tmp_path, data)
    z = generator.sample([4, 5])
    assert torch.allclose(generator.synthesize(z, None), torch_images(z, stored["again"]), atol=1e-5)
    assert (passport.format, passport.family) == ("an ONNX graph", "onnx")
    assert {"ConvTranspose", "MatMul", "Tanh"} <= set(passport.names)
    assert ("kernel", (8, 3, 4, 4)) in [(one.name, one.shape) for one in passport.tensors]
    assert (passport.sizes.height, passport.sizes.z) == (16, D)


@pytest.mark.parametrize(
    "how",
    [
        {"z": (1, D), "out": (1, 3, 16, 16)},
        {"z": ("n", D, 1, 1)},
        {"classes": 4},
        {"last": True, "out": ("n", 16, 16, 3)},
        {"end": "Sigmoid"},
    ],
    ids=["one at a time", "z of four dimensions", "classes", "channels last", "values from 0 to 1"],
)
def test_other_export_layouts_are_read_off_the_graph(how: dict[str, Any], tmp_path: Path) -> None:
    generator, _ = open_graph(tmp_path, graph(**how))
    images = images_of(generator)
    assert images.shape == (3, 3, 16, 16)
    assert float(images.min()) < -0.05
    assert float(images.max()) > 0.05
    assert torch.allclose(images[1:2], images_of(generator, 2)[1:], atol=1e-5)
    assert len(generator.spec.classes) == how.get("classes", 0)
    if "classes" in how:
        z = generator.sample([1])
        one, two = (generator.synthesize(z, torch.eye(4)[[kind]]) for kind in (0, 2))
        assert not torch.allclose(one, two, atol=1e-2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (graph(z=("n", 3, 16, 16)), "is no latent"),
        (graph(more=4), "The graph has 5 inputs; a generator has 1 to 4"),
        (graph(more=2), "Two inputs have the same role"),
        (graph()[:200], "cannot be read as ONNX"),
        (graph(z=(1, D), out=(1, 3, 16, 16)).replace(b"ConvTranspose", b"ConvTransposf"), "checker refuses the graph"),
    ],
)
def test_other_graphs_are_refused_with_a_message(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=message) as refusal:
        open_graph(tmp_path, data)
    assert refusal.value.hint


def small_graph(inputs: list[Any], nodes: list[Any], weights: list[Any]) -> bytes:
    """A generator of 8 px: `nodes` turn the inputs into "rows" [N, 192], then tanh."""
    ends = [node("Reshape", ["rows", "sides"], ["square"]), node("Tanh", ["square"], ["picture"])]
    sides = weight("sides", [-1, 3, 8, 8], np.int64)
    out = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 8, 8])
    images = helper.make_graph([*nodes, *ends], "g", inputs, [out], [sides, *weights])
    model = helper.make_model(images, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


MATRIX = np.random.default_rng(1).normal(0, 0.4, (D, 192)).astype(np.float32)
TABLE = np.random.default_rng(2).normal(0, 1, (5, D)).astype(np.float32)


def value_of(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def labelled(z: list[Any], label: list[Any]) -> bytes:
    """z plus a row of a table of five classes."""
    inputs = [value_of("label", TensorProto.INT64, label), value_of("noise", TensorProto.FLOAT, z)]
    nodes = [
        node("Gather", ["table", "label"], ["row"]),
        node("Reshape", ["row", "flat"], ["class_row"]),
        node("Add", ["noise", "class_row"], ["moved"]),
        node("MatMul", ["moved", "matrix"], ["rows"]),
    ]
    weights = [weight("table", TABLE), weight("matrix", MATRIX), weight("flat", [-1, D], np.int64)]
    return small_graph(inputs, nodes, weights)


def truncated(psi: list[Any], is_used: bool = True) -> bytes:
    """(z + 1) times psi: a graph with a mean latent of its own."""
    inputs = [value_of("z", TensorProto.FLOAT, ["n", D]), value_of("truncation_psi", TensorProto.FLOAT, psi)]
    nodes = [
        node("Add", ["z", "one"], ["w"]),
        node("Mul", ["w", "truncation_psi" if is_used else "one"], ["near"]),
        node("MatMul", ["near", "matrix"], ["rows"]),
    ]
    return small_graph(inputs, nodes, [weight("matrix", MATRIX), weight("one", 1.0)])


@pytest.mark.parametrize(
    ("z", "label"), [([1, D], [1]), (["n", D], ["n"]), (["n", D], ["n", 1]), (["n", D], []), (["n", D], [1])], ids=str
)
def test_a_label_chooses_the_class_of_each_image(z: list[Any], label: list[Any], tmp_path: Path) -> None:
    generator, passport = open_graph(tmp_path, labelled(z, label))
    assert passport.sizes.classes == len(generator.spec.classes) == 5
    assert [(row[0], row[1]) for row in passport.graph.inputs] == [("label", "label"), ("noise", "z")]
    latents, kinds = generator.sample([3, 4, 3]), [4, 0, 2]
    images = generator.synthesize(generator.map(latents, None), torch.eye(5)[kinds])
    expected = ((latents + torch.from_numpy(TABLE[kinds])) @ torch.from_numpy(MATRIX)).tanh().view(3, 3, 8, 8)
    assert torch.allclose(images, expected, atol=1e-5)


@pytest.mark.parametrize("psi", [[1], [], ["n"], ["n", 1]], ids=str)
def test_truncation_is_the_psi_of_a_graph_that_has_one(psi: list[Any], tmp_path: Path) -> None:
    generator, passport = open_graph(tmp_path, truncated(psi))
    assert ("truncation_psi", "psi") in [(row[0], row[1]) for row in passport.graph.inputs]
    z = generator.sample([1, 2])
    latents = torch.cat([generator.map(z[:1], None, 0.5), generator.map(z[1:], None)])
    expected = ((z + 1) * torch.tensor([[0.5], [1.0]]) @ torch.from_numpy(MATRIX)).tanh().view(2, 3, 8, 8)
    assert torch.allclose(generator.synthesize(latents, None), expected, atol=1e-5)
    assert torch.allclose(generator.synthesize(latents[:1], None), expected[:1], atol=1e-5)


def test_a_psi_that_changes_nothing_is_constant_and_truncation_scales_z(tmp_path: Path) -> None:
    generator, passport = open_graph(tmp_path, truncated([1], is_used=False))
    assert [row[1] for row in passport.graph.inputs] == ["z", "constant"]
    z = generator.sample([1])
    assert torch.equal(generator.map(z, None, 0.5), z * 0.5)


def test_directions_are_found_in_a_graph_that_truncates_by_itself(tmp_path: Path) -> None:
    generator, _ = open_graph(tmp_path, truncated([1]))
    (first,) = finish(discover(generator, "pca", count=1))
    latents = generator.map(generator.sample(range(8)), None)
    moved = latents + first.displacement(latents, 2.0)
    assert torch.allclose(moved[:, -1], torch.ones(8), atol=1e-3)
    change = generator.synthesize(moved, None) - generator.synthesize(latents, None)
    assert float(change.square().mean()) > 0.01


def test_roles_and_classes_are_what_the_owner_says(tmp_path: Path) -> None:
    path = tmp_path / "mine.bin"
    path.write_bytes(labelled(["n", D], ["n"]))
    named = open_checkpoint(path, graph=GraphOptions(classes=3, roles={"label": "label"}))
    assert named.passport.sizes.classes == 3
    for options, words in (
        (GraphOptions(roles={"other": "z"}), "no input “other”"),
        (GraphOptions(roles={"label": "z"}), "is no latent"),
        (GraphOptions(roles={"noise": "psi"}), "is no psi"),
        (GraphOptions(range="0..2"), "no output range"),
    ):
        with pytest.raises(Invalid, match=words) as error:
            open_checkpoint(path, graph=options)
        assert error.value.hint


@pytest.mark.parametrize(
    ("low", "high", "range"),
    [
        (-1, 1, "-1..1"), (-0.4, 0.5, "-1..1"), (0, 1, "0..1"), (-0.05, 1.05, "0..1"), (0, 255, "0..255"),
        (-3, 258, "0..255"), (-0.1, 0.3, "-1..1"), (0.1, 0.8, "0..1"),
    ],
)  # fmt: skip
def test_the_range_is_guessed_from_the_values_seen(low: float, high: float, range: str) -> None:
    assert guess_range(low, high) == range


def test_a_guessed_range_is_said_with_its_evidence_and_corrected_by_importing_again(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("LATENTWALK_HOME", str(tmp_path))
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph(end="Sigmoid"))
    said = CliRunner().invoke(main, ["import", str(path), "--name", "mine", "--yes"])
    assert said.exit_code == 0, said.output
    assert "0..1 (guessed; values seen: 0." in said.stdout
    before = first_picture(Library(tmp_path).load("mine"))
    again = CliRunner().invoke(main, ["import", str(path), "--name", "mine", "--range", "-1..1", "--json"])
    assert again.exit_code == 0, again.output
    facts = json.loads(again.stdout)["graph"]
    assert (facts["range"], facts["is_range_given"]) == ("-1..1", True)
    assert torch.allclose(first_picture(Library(tmp_path).load("mine")), (before + 1) / 2, atol=1e-5)


def test_a_sandbox_that_ended_is_started_again(plain: Generator) -> None:
    assert isinstance(plain, OnnxGenerator)
    before = images_of(plain)
    plain.close()
    assert torch.equal(images_of(plain), before)
    with pytest.raises(ModelFailed):
        plain.synthesize(torch.zeros(1, D + 1), None)
    assert torch.equal(images_of(plain), before)


def test_learning_by_gradient_is_refused_with_the_reason(plain: Generator) -> None:
    with pytest.raises(Invalid, match="runs in a sandbox and has no gradient") as refusal:
        finish(fit(plain, find("zoom"), LearnSettings("zoom")))
    assert "--regressor" in refusal.value.hint
    with pytest.raises(Invalid, match="does not expose the weights"):
        finish(discover(plain, "sefa", count=1))
    with pytest.raises(Invalid, match="no gradient"):
        plain.synthesize(plain.sample([1]).requires_grad_(True), None)


def test_principal_components_of_images_become_directions(plain: Generator) -> None:
    first, second = finish(discover(plain, "pca", count=2))
    z = plain.sample(range(16))
    moved = {one.id: plain.synthesize(z + one.displacement(z, 2.0), None) for one in (first, second)}
    change = {id: float((images - plain.synthesize(z, None)).square().mean()) for id, images in moved.items()}
    assert change["pca_1"] > 0.01
    assert change["pca_1"] > 0.5 * change["pca_2"]


def test_a_score_direction_is_learned_without_a_gradient(plain: Generator) -> None:
    judges = MEASURES
    panel = RegressorSet(judges["brightness"], list(judges.values()))
    images = finish(learn(plain, panel, ScoreSettings("brightness", samples=256), "lit", "Lit"))
    assert images.settings["objective"] == "ridge regression of scores"
    assert images.card is not None
    assert images.card["positive"] > 0.8


def test_the_command_imports_a_graph_that_reproduces_its_golden_image(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LATENTWALK_HOME", str(tmp_path))
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph(classes=2))
    kept = CliRunner().invoke(main, ["import", str(path), "--name", "mine", "--json"])
    assert kept.exit_code == 0, kept.output
    library = Library(tmp_path)
    assert golden_hash(first_picture(library.load("mine"))) == json.loads(kept.stdout)["golden"]
    drawn = CliRunner().invoke(main, ["render", "--generator", "mine", "--seed", "3", "--out", str(tmp_path / "a.png")])
    assert drawn.exit_code == 0, drawn.output
    refused = CliRunner().invoke(main, ["learn", "zoom", "--generator", "mine"])
    assert refused.exit_code == 1
    assert "no gradient" in refused.stderr
