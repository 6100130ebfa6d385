"""Uploaded regressors: what a file tells, what is asked, and scores that are the measure's own."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import Invalid, ModelFailed
from models.regressors import onnx
from models.regressors.image_measures import MEASURES
from models.regressors.onnx import InputPlan, OnnxRegressor, Passport, guess_plan, inspect, regressor
from models.regressors.onnx.input_plan import prepare_input, read_scores
from models.regressors.protocol import Regressor, RegressorCard, RegressorSpec
from tests.onnx_files import brightness, model_bytes, network, node, weight

CARD = RegressorCard("How light it is.", "None.", "A test.", "MIT", "It is a test.")
PICTURES = torch.rand(12, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.2, 2, 12)[
    :, None, None, None
] - 1  # fmt: skip
PICTURES = PICTURES.clamp(-1, 1)


def spec(data: bytes, plan: InputPlan) -> RegressorSpec:
    return RegressorSpec("light", "Light", "onnx", False, (0.0, 1.0), "", onnx.fingerprint(data, plan), CARD)


def build_regressor(data: bytes, **how: object) -> OnnxRegressor:
    plan = guess_plan(inspect(data))[0].model_copy(update=how)
    return OnnxRegressor(spec(data, plan), data, plan)


@pytest.fixture(scope="module")
def light() -> Iterator[OnnxRegressor]:
    made = build_regressor(brightness())
    yield made
    made.close()


def test_the_passport_says_what_the_file_holds() -> None:
    found = inspect(network())
    assert (found.opset, found.nodes, found.parameters) == (17, 7, 8 * 27 + 16 * 72 + 32)
    assert (found.input, found.kind, found.shape) == ("picture", "float32", (None, 3, 32, 32))
    assert found.outputs == (("score", "float32", (None, 2)),)
    assert found.bytes == len(network())


def test_an_uploaded_brightness_scores_as_the_built_in_one(light: OnnxRegressor) -> None:
    assert isinstance(light, Regressor)
    small = torch.nn.functional.interpolate(PICTURES, (32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(light.score(PICTURES), MEASURES["brightness"].score(small), atol=1e-5, rtol=0)


def test_an_image_is_judged_alone(light: OnnxRegressor) -> None:
    together = light.score(PICTURES)
    torch.testing.assert_close(together, torch.cat([light.score(one[None]) for one in PICTURES]))
    assert light.score(PICTURES[:0]).shape == (0,)


def test_a_file_for_just_so_many_images_takes_any_number() -> None:
    fixed = build_regressor(brightness(shape=(5, 3, 32, 32), out=(5, 1)))
    assert fixed.plan.batch == 5
    torch.testing.assert_close(fixed.score(PICTURES), build_regressor(brightness()).score(PICTURES))


def test_one_of_several_numbers_is_the_score() -> None:
    data = network(classes=3)
    plain = [build_regressor(data, column=column).score(PICTURES) for column in range(3)]
    shares = torch.stack(plain, dim=1).softmax(dim=1)
    torch.testing.assert_close(build_regressor(data, column=2, softmax=True).score(PICTURES), shares[:, 2])
    with pytest.raises(ModelFailed, match="3 numbers per image"):
        build_regressor(data, column=3).score(PICTURES)


@pytest.mark.parametrize(
    ("shape", "plan", "asks"),
    [
        ((None, 3, 64, 64), {"side": 64, "layout": "nchw", "channels": 3, "batch": None}, set()),
        ((4, 1, 28, 28), {"side": 28, "channels": 1, "batch": 4}, set()),
        ((None, 96, 96, 3), {"side": 96, "layout": "nhwc"}, set()),
        ((1, 3, None, None), {"side": 224, "batch": 1}, {"side"}),
        ((None, None, None, None), {"layout": "nchw"}, {"side", "layout", "channels"}),
    ],
)
def test_what_the_shape_tells_is_not_asked(
    shape: tuple[int | None, ...], plan: dict[str, object], asks: set[str]
) -> None:
    passport = replace(PASSPORT, shape=shape)
    found, asked = guess_plan(passport)
    assert plan.items() <= found.model_dump().items()
    assert set(asked) - {"scale", "mean", "std", "order", "column", "softmax"} == asks


PASSPORT = Passport("", 1, 17, "", 1, 1, "picture", "float32", (1, 3, 32, 32), (("score", "float32", (1, 1)),), {})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": (1, 3)}, "2 dimensions"),
        ({"shape": None}, "no shape"),
        ({"shape": (1, 7, 32, 32)}, "neither one nor three"),
        ({"shape": (1, 3, 32, 64)}, "not square"),
        ({"shape": (1, 3, 4, 4)}, "4 px"),
        ({"shape": (1000, 3, 32, 32)}, "1000 images"),
        ({"kind": "int64"}, "int64"),
        ({"outputs": (("words", "other", (1,)),)}, "table of numbers"),
    ],
)
def test_what_no_image_fits_is_a_sentence(change: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said) as error:
        guess_plan(replace(PASSPORT, **change))
    assert str(error.value).endswith(".")
    assert error.value.hint


def test_an_image_is_shown_in_the_range_order_and_layout_it_is_wanted_in() -> None:
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 8, 8)
    plain = prepare_input(red, InputPlan(side=8, output="y"))
    assert (plain.dtype.name, plain.shape) == ("float32", (1, 3, 8, 8))
    assert plain[0, :, 0, 0].tolist() == [1, 0, 0]
    signed = prepare_input(red, InputPlan(side=8, output="y", scale="-1..1", order="bgr"))
    assert signed[0, :, 0, 0].tolist() == [-1, -1, 1]
    bytes_ = prepare_input(red, InputPlan(side=8, output="y", kind="uint8", scale="0..255", layout="nhwc"))
    assert (bytes_.dtype.name, bytes_.shape, bytes_[0, 0, 0].tolist()) == ("uint8", (1, 8, 8, 3), [255, 0, 0])
    normal = prepare_input(red, InputPlan(side=8, output="y", mean=(0.5, 0.25, 0.0), std=(0.5, 0.5, 2.0)))
    assert normal[0, :, 0, 0].tolist() == [1, -0.5, 0]
    grey = prepare_input(red, InputPlan(side=16, output="y", channels=1))
    assert grey.shape == (1, 1, 16, 16)
    assert float(grey.mean()) == pytest.approx(0.299)


def test_an_answer_without_a_score_for_each_image_is_refused() -> None:
    import numpy as np

    plan = InputPlan(side=8, output="y")
    assert read_scores(np.array([1.0, 2.0]), 2, plan).tolist() == [1, 2]
    assert read_scores(np.ones((2, 1, 1, 1)), 2, plan).tolist() == [1, 1]
    for answer in (np.ones(3), np.ones(()), np.ones((5, 2))):
        with pytest.raises(ModelFailed, match="instead of a score for each"):
            read_scores(answer, 2, plan)


def test_a_probe_tells_a_regressor_that_says_something_from_one_that_does_not(light: OnnxRegressor) -> None:
    found = onnx.probe(light, PICTURES)
    assert 0 <= found.low < found.mean < found.high <= 1
    assert found.deviation > 0.05
    assert found.seconds > 0
    assert found.darker < -0.5  # it is a measure of light, and half the light is less of it
    constant = model_bytes(
        [node("GlobalAveragePool", ["picture"], ["p"]), node("Mul", ["p", "zero"], ["q"]), node("Flatten", ["q"])],
        [weight("zero", 0.0)], out=("n", 3),
    )  # fmt: skip
    with pytest.raises(ModelFailed, match="the same score, 0"):
        onnx.probe(build_regressor(constant), PICTURES)


def test_what_was_kept_is_loaded_and_what_was_changed_is_not(light: OnnxRegressor, tmp_path: Path) -> None:
    data = brightness()
    for name, content in onnx.stored_files(data, light.plan).items():
        (tmp_path / name).write_bytes(content)
    again = onnx.load_regressor(tmp_path, light.spec)
    torch.testing.assert_close(again.score(PICTURES[:2]), light.score(PICTURES[:2]))
    plan = json.loads((tmp_path / "plan.json").read_text())
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "scale": "0..255"}))
    with pytest.raises(ModelFailed, match="were changed"):
        onnx.load_regressor(tmp_path, light.spec)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(ModelFailed, match="cannot be read"):
        onnx.load_regressor(tmp_path, light.spec)


def test_a_regressor_goes_on_after_its_sandbox_was_closed(light: OnnxRegressor) -> None:
    before = light.score(PICTURES[:1])
    light.close()
    torch.testing.assert_close(light.score(PICTURES[:1]), before)


def pid(of: OnnxRegressor) -> int | None:
    """The process of its sandbox, None where it is closed."""
    return None if of._sandbox is None else of._sandbox._running.pid


def test_only_the_last_used_keep_their_sandboxes_open() -> None:
    made = [build_regressor(brightness()) for _ in range(regressor.MOST_OPEN + 1)]
    scores = [one.score(PICTURES[:1]) for one in made]
    assert [pid(one) is None for one in made] == [True] + [False] * regressor.MOST_OPEN
    kept = pid(made[2])
    torch.testing.assert_close(made[2].score(PICTURES[:1]), scores[2])
    torch.testing.assert_close(made[0].score(PICTURES[:1]), scores[0])
    assert pid(made[1]) is None  # the one that was not asked for longest
    assert pid(made[2]) == kept
    for one in made:
        one.close()


def test_a_regressor_at_work_keeps_its_sandbox_however_many_are_asked() -> None:
    busy, others = (
        build_regressor(brightness()),
        [build_regressor(brightness()) for _ in range(regressor.MOST_OPEN + 1)],
    )
    busy.score(PICTURES[:1])
    with busy._lock:
        for other in others:
            other.score(PICTURES[:1])
        assert pid(busy) is not None
    for one in (busy, *others):
        one.close()


def test_a_regressor_that_nobody_holds_leaves_no_process() -> None:
    lost = build_regressor(brightness())
    lost.score(PICTURES[:1])
    process = Path(f"/proc/{pid(lost)}")
    assert process.exists()
    del lost
    gc.collect()
    assert not process.exists()


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (
            [node("RandomUniformLike", ["picture"], ["r"]), node("ReduceMean", ["r"], axes=[1, 2, 3])],
            "another score each time",
        ),
        (
            [
                node("GlobalAveragePool", ["picture"], ["p"]), node("ReduceMean", ["p"], ["all"], axes=[0]),
                node("Sub", ["p", "all"], ["d"]), node("Flatten", ["d"]),
            ],
            "another score each time",
        ),
    ],
)  # fmt: skip
def test_scores_that_depend_on_chance_or_company_are_refused(nodes: list[object], said: str) -> None:
    with pytest.raises(ModelFailed, match=said):
        onnx.probe(build_regressor(model_bytes(nodes, out=("n", 3))), PICTURES)


def test_what_the_operator_unlocked_runs_where_locks_hold_as_well() -> None:
    data = brightness()
    plan = guess_plan(inspect(data, unlocked=True))[0]
    free = OnnxRegressor(spec(data, plan), data, plan, unlocked=True)
    torch.testing.assert_close(free.score(PICTURES[:2]), build_regressor(data).score(PICTURES[:2]))
    free.close()
