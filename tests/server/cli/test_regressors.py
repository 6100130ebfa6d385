"""Regressors on the command line: listed, added from a file, described, refused, and learned from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from models.catalogue import local, pinned
from models.regressors.image_measures import MEASURES
from server.cli.main import main
from tests.onnx_files import brightness, node, two_means

CARD = ["--measures", "How cosy a picture looks.", "--source", "Me.", "--licence", "CC0"]
REASON = "We test whether our museum's portrait filter favours one group of sitters over another."


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seeds of eyes, rated by how light they are."""
    eyes = pinned.load("eyes", Path())
    one = torch.tensor([[float(name == "blue") for name in eyes.spec.classes]]).expand(20, -1)
    with torch.no_grad():
        marks = MEASURES["brightness"].score(eyes.synthesize(eyes.sample(range(20)), one))
    path = tmp_path_factory.mktemp("ratings") / "cosy.csv"
    path.write_text("seed,score\n" + "".join(f"{seed},{mark * 20:.0f}\n" for seed, mark in enumerate(marks.tolist())))
    return path


def good(result: Any) -> str:
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def refused(result: Any) -> str:
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return str(result.stderr)


def test_regressors_are_listed(run: Any) -> None:
    found = {one["name"]: one for one in json.loads(good(run("regressors", "list", "--json")))["regressors"]}
    assert found["brightness"]["installed"] is True
    assert found["resmem"]["installed"] is False
    assert "download it" in good(run("regressors", "list"))


def test_a_regressor_is_fitted_to_a_table_of_ratings(run: Any, table: Path) -> None:
    made = json.loads(good(run("regressors", "add", table, "--name", "cosy", "--generator", "eyes", *CARD, "--json")))
    assert (made["kind"], made["missing"]) == ("ratings", [])
    assert made["trust"]["interval"][0] > 0
    card = json.loads(good(run("regressors", "card", "cosy", "--json")))
    assert card["card"]["measures"] == "How cosy a picture looks."
    changed = json.loads(good(run("regressors", "card", "cosy", "--title", "Warmth", "--json")))
    assert changed["title"] == "Warmth"
    assert "names attractiveness" in refused(run("regressors", "card", "cosy", "--title", "Beauty"))
    assert "guess from pixels" in good(run("regressors", "card", "cosy", "--title", "Beauty", "--reason", REASON))


def test_a_model_is_opened_then_confirmed_with_its_plan(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "light.onnx"
    file.write_bytes(brightness(shape=("n", 3, 64, 64)))
    said = good(run("regressors", "add", file, "--name", "light"))
    assert "Not confirmed yet: scale, mean, std, order" in said
    assert "does not say its measures" in said
    assert "lacks:" in refused(run("learn", "--regressor", "light", "--generator", "eyes"))
    words = [
        "--name",
        "light",
        "--plan",
        '{"scale": "0..1"}',
        "--accept",
        *CARD,
        "--data",
        "None.",
        "--limits",
        "A formula.",
        "--json",
    ]
    made = json.loads(good(run("regressors", "add", file, *words)))
    assert (made["kind"], made["asks"], made["missing"]) == ("onnx", [], [])
    assert 0 < made["trust"]["mean"] < 1


def test_a_confirmed_plan_is_corrected_by_options(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "nima.onnx"
    file.write_bytes(two_means([node("Softmax", ["logits"], axis=1)], columns=10, shape=("n", 3, 64, 64)))
    words = ["--range", "0..1", "--imagenet", "--channels", "bgr", "--column", "3", "--activation", "none", "--json"]
    made = json.loads(good(run("regressors", "add", file, "--name", "nima", *words)))
    assert made["asks"] == []
    assert (made["plan"]["order"], made["plan"]["std"], made["plan"]["column"]) == ("bgr", [0.229, 0.224, 0.225], 3)
    words = ["--bins", "1..10", "--mean", "0", "--std", "1", "--channels", "rgb", "--json"]
    changed = json.loads(good(run("regressors", "plan", "nima", *words)))
    assert changed["plan"]["bins"] == list(range(1, 11))
    assert (changed["plan"]["mean"], changed["asks"]) == ([0, 0, 0], [])
    assert 5 < changed["trust"]["mean"] < 10
    assert '"bins": [1.0, 2.0' in good(run("regressors", "plan", "nima"))
    assert "this plan gives it [?, 1, 64, 64]" in refused(run("regressors", "plan", "nima", "--channels", "grey"))
    assert run("regressors", "plan", "nima", "--bins", "1..x").exit_code == 2


def test_a_renamed_pickle_is_not_opened(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "judge.onnx"
    file.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    assert "pickle" in refused(run("regressors", "add", file, "--name", "judge"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["card", "nobody"], "no regressor “nobody”"),
        (["card", "brightness", "--title", "Mine"], "cannot be changed"),
        (["add", "nowhere.csv", "--name", "x", "--generator", "eyes"], "cannot be read"),
        (["add", "nowhere.csv", "--name", "x"], "whose seeds"),
        (["add", "nowhere.csv", "--name", "../x", "--generator", "eyes"], "cannot name"),
    ],
)
def test_an_impossible_request_is_refused(run: Any, words: list[str], sentence: str) -> None:
    assert sentence in refused(run("regressors", *words))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--regressor", "nobody"], "no regressor"),
        (["--regressor", "resmem"], "pull resmem"),
        (["--regressor", "brightness", "--hold", "smile"], "to hold"),
        (["--regressor", "brightness", "--judge", "brightness"], "check itself"),
        (["--regressor", "brightness", "--reach", "-1"], "reach"),
    ],
)
def test_an_impossible_learning_request_is_refused(run: Any, words: list[str], sentence: str) -> None:
    assert sentence in refused(run("learn", "--generator", "eyes", *words))


@pytest.mark.parametrize(
    "words",
    [
        ["learn", "--generator", "eyes"],
        ["learn", "zoom", "--regressor", "brightness", "--generator", "eyes"],
        ["learn", "zoom", "--generator", "eyes", "--reach", "2"],
        ["learn", "--regressor", "brightness", "--generator", "eyes", "--walk", "path"],
        ["regressors", "add", "x.csv"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_status_two(run: Any, words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_a_direction_is_learned_from_a_score_and_measured_again(
    run: Any, home: Path, described: Any, tmp_path: Path
) -> None:
    local.save(home / "generators", *described)
    words = ["--generator", "styled", "--steps", 3, "--batch", 4, "--id", "lit", "--out", tmp_path, "--json"]
    card = json.loads(good(run("learn", "--regressor", "brightness", *words)))
    assert (card["direction"], card["unit"], card["regressor"]) == ("lit", "score", "brightness")
    again = json.loads(good(run("measure", tmp_path / "lit.safetensors", "--generator", "styled", "--json")))
    assert again["slope"] == pytest.approx(card["slope"], rel=0.1)
