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
from tests.onnx_files import brightness, model_bytes, network, node, weight

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
    made = uploads.confirm_plan(known, "light", {"scale": "0..1"}, tiny)
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
