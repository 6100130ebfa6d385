"""Uploaded models: kept as drafts, tried on images, confirmed with their input plan, refused if constant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentwalk.errors import Invalid, ModelFailed
from models.base import Generator
from models.generators.dcgan import DCGAN
from server.services.regressors import uploads
from server.storage.regressors import Regressors
from tests.onnx_files import brightness, model_bytes, network, node, two_means, weight

CARD = dict.fromkeys(("measures", "data", "source", "licence", "limits"), "Said.")


@pytest.fixture
def known(home: Path) -> Regressors:
    return Regressors(home)


def pictures(generator: Generator) -> torch.Tensor:
    classes = torch.tensor([[1.0, 0.0]]).expand(4, -1)
    return generator.synthesize(generator.sample(range(4)), classes)


def test_a_model_is_a_draft_until_its_plan_is_confirmed(known: Regressors, tiny: DCGAN) -> None:
    draft = uploads.keep_draft(known, brightness(), "light", None, CARD, None)
    assert draft.origin == "uploaded"
    assert "scale" in draft.asks
    assert draft.passport["nodes"] == 3
    with pytest.raises(Invalid, match="not confirmed: scale"):
        known.usable("light")
    made = uploads.confirm_plan(known, "light", {"scale": "0..1"}, tiny, accept=True)
    assert made.asks == ()
    assert known.usable("light").spec.span == made.spec.span
    shown = pictures(tiny)
    expected = Regressors(known.folder.parent).load("brightness").score(shown)
    assert torch.allclose(known.load("light").score(shown), expected, atol=2e-3)


def test_another_plan_is_another_regressor(known: Regressors, tiny: DCGAN) -> None:
    uploads.keep_draft(known, brightness(), "light", None, CARD, None)
    first = uploads.confirm_plan(known, "light", {}, tiny)
    second = uploads.confirm_plan(known, "light", {"scale": "0..255"}, tiny)
    assert first.spec.fingerprint != second.spec.fingerprint
    shown = pictures(tiny)
    assert torch.allclose(known.load("light").score(shown) / 255, known.load("brightness").score(shown), atol=2e-3)


def test_one_of_several_numbers_is_the_score(known: Regressors, tiny: DCGAN) -> None:
    draft = uploads.keep_draft(known, network(classes=3), "net", "My net", CARD, None)
    assert {"column", "softmax"} <= set(draft.asks)
    uploads.confirm_plan(known, "net", {"column": 2, "softmax": True}, tiny)
    said = known.load("net").score(pictures(tiny))
    assert ((said > 0) & (said < 1)).all()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"column": 9}, "gives 1 numbers"),
        ({"scale": "0..7"}, "plan's scale is wrong"),
        ({"colour": 1}, "plan's colour is wrong"),
        ({"std": [0, 1, 1]}, "plan's std.0 is wrong"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_and_the_draft_stays(
    known: Regressors, tiny: DCGAN, changes: dict[str, object], sentence: str
) -> None:
    uploads.keep_draft(known, brightness(), "light", None, CARD, None)
    with pytest.raises((Invalid, ModelFailed), match=sentence):
        uploads.confirm_plan(known, "light", changes, tiny)
    assert known.find("light").asks


def test_a_constant_regressor_is_refused(known: Regressors, tiny: DCGAN) -> None:
    flat = model_bytes(
        [node("Conv", ["picture", "w"], ["x"]), node("GlobalAveragePool", ["x"], ["y"]), node("Flatten", ["y"])],
        [weight("w", np.zeros((1, 3, 1, 1)))],
    )
    uploads.keep_draft(known, flat, "flat", None, CARD, None)
    with pytest.raises(ModelFailed, match="the same score"):
        uploads.confirm_plan(known, "flat", {}, tiny)


@pytest.mark.parametrize("data", [b"", b"\x80\x04cos\nsystem\n", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"\x08nonsense"])
def test_what_is_no_onnx_is_refused_and_leaves_nothing(known: Regressors, data: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        uploads.keep_draft(known, data, "judge", None, CARD, None)
    assert str(refusal.value).endswith(".")
    assert not (known.folder / "judge").exists()


def test_a_model_about_people_waits_for_a_reason(known: Regressors) -> None:
    with pytest.raises(Invalid, match="names gender"):
        uploads.keep_draft(known, brightness(), "gender", None, CARD, None)
    assert uploads.keep_draft(known, brightness(), "gender", None, {}, None).sensitive == ("gender or sex",)


def score_of(known: Regressors, data: bytes, changes: dict[str, object], generator: Generator) -> torch.Tensor:
    """The scores of an upload whose plan was changed."""
    uploads.keep_draft(known, data, "mine", None, CARD, None)
    uploads.confirm_plan(known, "mine", changes, generator, accept=True)
    return known.load("mine").score(pictures(generator))


def means_of(generator: Generator) -> torch.Tensor:
    """The mean of each colour, 0 to 1, as the uploads see it."""
    shown = pictures(generator).expand(-1, 3, -1, -1)
    return ((shown.clamp(-1, 1) + 1) / 2).mean(dim=(2, 3))


def test_a_partial_change_confirms_only_what_it_names(known: Regressors, tiny: DCGAN) -> None:
    uploads.keep_draft(known, two_means(), "mine", None, CARD, None)
    first = uploads.confirm_plan(known, "mine", {"scale": "0..1", "column": 1}, tiny)
    assert first.asks == ("mean", "std", "order", "softmax")
    second = uploads.confirm_plan(known, "mine", {"mean": [0, 0, 0], "std": [1, 1, 1], "order": "rgb"}, tiny)
    assert second.asks == ("softmax",)
    with pytest.raises(Invalid, match="not confirmed: softmax"):
        known.usable("mine")
    assert uploads.confirm_plan(known, "mine", {"sigmoid": True}, tiny).asks == ()


def test_what_was_confirmed_is_corrected_later(known: Regressors, tiny: DCGAN) -> None:
    logits = means_of(tiny) @ torch.arange(6.0).reshape(3, 2) / 2
    said = score_of(known, two_means(), {"column": 1, "softmax": True}, tiny)
    torch.testing.assert_close(said, logits.softmax(dim=1)[:, 1], atol=2e-3, rtol=0)
    uploads.confirm_plan(known, "mine", {"softmax": False, "column": 0}, tiny)
    torch.testing.assert_close(known.load("mine").score(pictures(tiny)), logits[:, 0], atol=2e-3, rtol=0)
    uploads.confirm_plan(known, "mine", {"sigmoid": True}, tiny)
    torch.testing.assert_close(known.load("mine").score(pictures(tiny)), logits[:, 0].sigmoid(), atol=2e-3, rtol=0)
    uploads.confirm_plan(known, "mine", {"softmax": True}, tiny)
    assert known.find("mine").plan["softmax"]
    assert "sigmoid" not in known.find("mine").plan


@pytest.mark.parametrize("bins", [tuple(range(1, 11)), tuple(np.linspace(-1, 1, 10).tolist())])
def test_the_score_is_the_expectation_over_bins(known: Regressors, tiny: DCGAN, bins: tuple[float, ...]) -> None:
    judge = two_means([node("Softmax", ["logits"], axis=1)], columns=10)
    shares = (means_of(tiny) @ torch.arange(30.0).reshape(3, 10) / 10).softmax(dim=1)
    said = score_of(known, judge, {"bins": list(bins)}, tiny)
    torch.testing.assert_close(said, shares @ torch.tensor(bins, dtype=torch.float32), atol=5e-3, rtol=0)
    assert "bins" not in uploads.confirm_plan(known, "mine", {"column": 3}, tiny).plan


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bins": [1, 2, 3]}, "10 numbers per image; the plan has values for 3 bins"),
        ({"bins": list(range(10))}, "not probabilities"),
        ({"bins": [1]}, "two values or more"),
        ({"softmax": True, "sigmoid": True}, "exclude each other"),
        ({"layout": "nhwc"}, r"input is \[\?, 3, 32, 32\]; this plan gives it"),
        ({"channels": 1}, "this plan gives it"),
        ({"output": "other"}, "no output “other”"),
    ],
)
def test_an_impossible_correction_is_refused_with_what_to_change(
    known: Regressors, tiny: DCGAN, changes: dict[str, object], words: str
) -> None:
    uploads.keep_draft(known, two_means(columns=10), "mine", None, CARD, None)
    with pytest.raises((Invalid, ModelFailed), match=words) as error:
        uploads.confirm_plan(known, "mine", changes, tiny)
    assert error.value.hint


def test_a_layout_that_the_file_leaves_open_is_asked(known: Regressors, tiny: DCGAN) -> None:
    red = model_bytes(
        [
            node("ReduceMean", ["picture"], ["mean"], axes=[1, 2], keepdims=0),
            node("Slice", ["mean", "from", "to", "along"]),
        ],
        [weight("from", [0], np.int64), weight("to", [1], np.int64), weight("along", [1], np.int64)],
        shape=(None, None, None, None),
    )
    said = score_of(known, red, {"layout": "nhwc", "side": 64}, tiny)
    torch.testing.assert_close(said, means_of(tiny)[:, 0], atol=2e-3, rtol=0)


def test_a_hidden_batch_of_one_is_found_and_said(known: Regressors, tiny: DCGAN) -> None:
    alone = model_bytes(
        [
            node("GlobalAveragePool", ["picture"], ["mean"]),
            node("Reshape", ["mean", "one"], ["flat"]),
            node("MatMul", ["flat", "matrix"]),
        ],
        [weight("one", [1, 3], np.int64), weight("matrix", [[1.0], [2.0], [4.0]])],
    )
    said = score_of(known, alone, {}, tiny)
    torch.testing.assert_close(said, means_of(tiny) @ torch.tensor([1.0, 2.0, 4.0]), atol=1e-2, rtol=0)
    assert known.find("mine").notes == ("Its batch is fixed at 1: it scores one image per call.",)
