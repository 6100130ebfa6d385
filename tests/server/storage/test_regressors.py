"""The stored regressors: built-in ones, ones with a card of their own, and the reason that sensitive ones need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from latentwalk.errors import Conflict, Invalid, ModelFailed, NotFound
from models.regressors.protocol import RegressorCard
from models.regressors.ratings_model import WIDTH, RatingsRegressor
from server.storage.regressor_entry import PARTS, RegressorEntry
from server.storage.regressors import DESCRIPTION, WEIGHTS, Regressors

CARD = RegressorCard("How cosy a picture looks.", "40 ratings.", "Me.", "CC0", "One rater.")
REASON = "We test whether our museum's portrait filter favours one group of sitters over another."


def store(home: Path, name: str = "cosy", card: RegressorCard = CARD, reason: str | None = None) -> RegressorEntry:
    state = {
        "weights": torch.ones(WIDTH),
        "centre": torch.zeros(WIDTH),
        "scale": torch.ones(WIDTH),
        "bias": torch.tensor(2.0),
    }
    regressor = RatingsRegressor(name, name.capitalize(), "points", (1.0, 5.0), card, state)
    entry = RegressorEntry(regressor.spec, "ratings", reason=reason, trust={"correlation": 0.7})
    return Regressors(home).keep(entry, {WEIGHTS: safetensors.torch.save(state)})


def test_every_measure_is_installed_complete_and_not_sensitive(home: Path) -> None:
    regressors = Regressors(home)
    entries = regressors.all()
    assert {"brightness", "colourfulness", "symmetry"} <= set(entries)
    for name, entry in entries.items():
        if entry.spec.kind == "measure":
            assert entry.installed
            assert regressors.usable(name).missing == ()
            assert entry.sensitive == (), name
            assert regressors.load(name).score(torch.zeros(2, 3, 32, 32)).shape == (2,)


def test_a_stored_regressor_is_found_loaded_once_and_removed(home: Path) -> None:
    store(home)
    regressors = Regressors(home)
    entry = regressors.find("cosy")
    assert (entry.origin, entry.missing, entry.sensitive, entry.trust) == ("ratings", (), (), {"correlation": 0.7})
    assert entry.spec.card == CARD
    assert regressors.load("cosy") is regressors.load("cosy")
    assert float(regressors.load("cosy").score(torch.zeros(1, 3, 32, 32))) == pytest.approx(2, abs=0.2)
    regressors.remove("cosy")
    assert not (home / "regressors" / "cosy").exists()
    with pytest.raises(NotFound, match="no regressor “cosy”"):
        regressors.find("cosy")


def test_a_fit_that_was_changed_on_the_disk_is_refused(home: Path) -> None:
    store(home)
    other = {"weights": torch.zeros(WIDTH), "centre": torch.zeros(WIDTH), "scale": torch.ones(WIDTH),
             "bias": torch.tensor(3.0)}  # fmt: skip
    (home / "regressors" / "cosy" / WEIGHTS).write_bytes(safetensors.torch.save(other))
    with pytest.raises(ModelFailed, match="changed on the disk"):
        Regressors(home).load("cosy")


@pytest.mark.parametrize("part", PARTS)
def test_a_regressor_with_an_incomplete_card_is_not_usable(home: Path, part: str) -> None:
    store(home, card=RegressorCard(**{**dict.fromkeys(PARTS, "Said."), part: " "}))
    with pytest.raises(Invalid, match=f"lacks: {part}"):
        Regressors(home).usable("cosy")
    assert Regressors(home).describe("cosy", card={part: "  Said\n now. "}).missing == ()
    assert getattr(Regressors(home).usable("cosy").spec.card, part) == "Said now."


def test_a_regressor_about_people_needs_a_reason_which_is_stored(home: Path) -> None:
    with pytest.raises(Invalid, match="names age"):
        store(home, card=RegressorCard("Apparent age.", "x", "x", "x", "x"))
    assert "cosy" not in Regressors(home).all()
    entry = store(home, card=RegressorCard("Apparent age.", "x", "x", "x", "x"), reason=REASON)
    assert entry.reason == REASON
    assert json.loads((home / "regressors" / "cosy" / DESCRIPTION).read_text())["reason"] == REASON
    assert "not a fact about a person" in entry.warning
    assert entry.about() == {"sensitive": ["age"], "reason": REASON, "warning": entry.warning}


def test_a_later_change_of_the_texts_needs_a_reason_too(home: Path) -> None:
    store(home)
    with pytest.raises(Invalid, match="names attractiveness"):
        Regressors(home).describe("cosy", title="Beauty")
    with pytest.raises(Invalid, match="names gender"):
        Regressors(home).describe("cosy", card={"measures": "How female a face looks."})
    assert Regressors(home).find("cosy").spec.card == CARD


def test_a_built_in_regressor_is_not_changed_replaced_or_removed(home: Path) -> None:
    for refused in (
        lambda: store(home, "brightness"),
        lambda: Regressors(home).remove("brightness"),
        lambda: Regressors(home).describe("brightness", title="Mine"),
    ):
        with pytest.raises(Conflict):
            refused()


@pytest.mark.parametrize("name", ["../cosy", "Cosy", "", "a" * 41, "cosy/x"])
def test_a_malformed_name_is_refused(home: Path, name: str) -> None:
    with pytest.raises(Invalid, match="cannot name"):
        store(home, name)


@pytest.mark.parametrize("text", ["{", "[]", '{"spec": 1}', '{"spec": {}, "origin": "uploaded"}', "\x00"])
def test_a_damaged_description_is_skipped(home: Path, text: str) -> None:
    store(home)
    (home / "regressors" / "broken").mkdir()
    (home / "regressors" / "broken" / DESCRIPTION).write_text(text)
    assert "cosy" in Regressors(home).all()
    assert "broken" not in Regressors(home).all()


def test_damaged_weights_are_refused(home: Path) -> None:
    store(home)
    (home / "regressors" / "cosy" / WEIGHTS).write_bytes(b"nonsense")
    with pytest.raises(ModelFailed, match="cannot be read"):
        Regressors(home).load("cosy")


def test_a_part_that_is_too_long_is_refused(home: Path) -> None:
    store(home)
    with pytest.raises(Invalid, match="longer than"):
        Regressors(home).describe("cosy", card={"limits": "x" * 3000})
    with pytest.raises(Invalid, match="no such field"):
        Regressors(home).describe("cosy", card={"colour": "x"})
