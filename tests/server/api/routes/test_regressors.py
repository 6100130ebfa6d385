"""Regressors over HTTP: listed, described, scored, fitted to ratings, and learned from; every refusal is a sentence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.catalogue import local
from tests.onnx_files import brightness

EDIT = {"generator": "eyes", "base": {"seed": 7}}
CARD = {"measures": "How cosy a picture looks.", "source": "Me.", "licence": "CC0"}
REASON = "We test whether our museum's portrait filter favours one group of sitters over another."


def wait(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        view: dict[str, Any] = client.get(f"/api/jobs/{job['id']}").json()
        if view["state"] not in ("queued", "running"):
            return view
        time.sleep(0.05)
    raise TimeoutError(view)


def by_brightness(client: TestClient, seeds: range) -> list[dict[str, Any]]:
    rows = []
    for seed in seeds:
        said = client.post("/api/regressors/brightness/score", json={"edit": {**EDIT, "base": {"seed": seed}}}).json()
        rows.append({"seed": seed, "score": round(said["score"] * 20)})
    return rows


@pytest.fixture(scope="module")
def cosy(client: TestClient) -> dict[str, Any]:
    body = {"name": "cosy", "generator": "eyes", "ratings": by_brightness(client, range(24)), "card": CARD}
    asked = client.post("/api/regressors/ratings", json=body)
    assert asked.status_code == 202, asked.text
    job = wait(client, asked.json())
    assert job["state"] == "done", job
    return job


def test_the_measures_are_there_with_their_cards(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/api/regressors").json()["regressors"]}
    assert found["brightness"]["origin"] == "built in"
    assert found["brightness"]["missing"] == []
    assert found["brightness"]["card"]["measures"]
    assert found["brightness"]["removable"] is False


def test_a_picture_is_scored_as_it_is_drawn(client: TestClient) -> None:
    def said(seed: int) -> float:
        edit = {**EDIT, "base": {"seed": seed}}
        answer = client.post("/api/regressors/brightness/score", json={"edit": edit})
        assert answer.status_code == 200
        return float(answer.json()["score"])

    assert said(7) == said(7) != said(8)
    assert 0 < said(7) < 1


def test_a_regressor_is_fitted_to_ratings_with_its_reliability(client: TestClient, cosy: dict[str, Any]) -> None:
    assert cosy["result"]["regressor"] == "cosy"
    assert cosy["result"]["interval"][0] > 0
    one = client.get("/api/regressors/cosy").json()
    assert (one["kind"], one["origin"], one["missing"], one["removable"]) == ("ratings", "ratings", [], True)
    assert one["trust"]["n"] == 24
    assert "correlation" in one["card"]["limits"]
    assert client.post("/api/regressors/cosy/score", json={"edit": EDIT}).status_code == 200


def test_its_card_is_changed_and_a_word_about_people_asks_for_a_reason(
    client: TestClient, cosy: dict[str, Any]
) -> None:
    changed = client.patch("/api/regressors/cosy", json={"card": {"source": "Two of us."}})
    assert changed.json()["card"]["source"] == "Two of us."
    refused = client.patch("/api/regressors/cosy", json={"title": "Attractive"})
    assert refused.status_code == 422
    assert "names attractiveness" in refused.json()["error"]["message"]
    given = client.patch("/api/regressors/cosy", json={"title": "Attractive", "reason": REASON}).json()
    assert (given["sensitive"], given["reason"]) == (["attractiveness"], REASON)
    assert "not a fact about a person" in given["warning"]
    client.patch("/api/regressors/cosy", json={"title": "Cosy"})


def test_too_few_ratings_fail_with_the_reason(client: TestClient) -> None:
    body = {"name": "few", "generator": "eyes", "ratings": [{"seed": 1, "score": 2}], "card": CARD}
    job = wait(client, client.post("/api/regressors/ratings", json=body).json())
    assert job["state"] == "failed"
    assert "too few" in job["error"]["message"]
    assert client.get("/api/regressors/few").status_code == 404


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "words"),
    [
        ("GET", "/nobody", None, 404, "no regressor “nobody”"),
        ("DELETE", "/brightness", None, 409, "cannot be changed"),
        ("PATCH", "/brightness", {"title": "Mine"}, 409, "cannot be changed"),
        ("PATCH", "/brightness", {"colour": "red"}, 422, "no “colour”"),
        ("POST", "/nobody/score", {"edit": EDIT}, 404, "no regressor"),
        ("POST", "/brightness/score", {"edit": {"generator": "eyes"}}, 422, "base"),
        ("POST", "/nobody/learn", {"generator": "eyes"}, 404, "no regressor"),
        ("POST", "/brightness/learn", {"generator": "ears"}, 404, "no generator"),
        ("POST", "/brightness/learn", {"generator": "eyes", "hold": ["smile"]}, 422, "to hold"),
        ("POST", "/brightness/learn", {"generator": "eyes", "judge": "brightness"}, 422, "judge itself|check itself"),
        ("POST", "/brightness/learn", {"generator": "eyes", "id": "../x"}, 422, "cannot name"),
        ("POST", "/brightness/learn", {"generator": "eyes", "reach": -1}, 422, "reach"),
        ("POST", "/ratings", {"name": "x", "generator": "eyes"}, 422, "ratings or picks"),
        ("POST", "/ratings", {"name": "x", "generator": "eyes", "csv": "a,b"}, 422, "first line"),
        ("POST", "/ratings", {"name": "../x", "generator": "eyes", "ratings": [{"seed": 1, "score": 1}]}, 422, "name"),
        ("POST", "/ratings", {"name": "x", "generator": "eyes", "ratings": [{"seed": -1, "score": 1}]}, 422, "seed"),
    ],
)  # fmt: skip
def test_an_impossible_request_is_refused_in_the_one_error_shape(
    client: TestClient, method: str, address: str, body: Any, status: int, words: str
) -> None:
    answer = client.request(method, f"/api/regressors{address}", json=body)
    assert answer.status_code == status, answer.text
    assert any(word in answer.json()["error"]["message"] for word in words.split("|"))


@pytest.fixture(scope="module")
def small(app_home: Path, described: Any) -> str:
    """The name of a generator of 16 px in the home of the server."""
    local.save(app_home / "generators", *described)
    return str(described[0].name)


def test_a_direction_is_learned_from_a_score_and_comes_with_its_strip(client: TestClient, small: str) -> None:
    body = {"generator": small, "id": "light_2", "steps": 4}
    asked = client.post("/api/regressors/brightness/learn", json=body)
    assert asked.status_code == 202
    job = wait(client, asked.json())
    assert (job["state"], job["kind"], job["error"]) == ("done", "score", None)
    slider = client.get(f"/api/directions/{small}/light_2").json()
    assert (slider["method"], slider["unit"]["symbol"], slider["group"]) == ("score", "score", "attributes")
    assert slider["card"]["positive"] > 0.9
    assert slider["settings"]["regressor"] == "brightness"
    assert client.get(slider["strip"]).headers["content-type"] == "image/jpeg"
    edit = {"generator": small, "base": {"seed": 7}, "amounts": {"light_2": slider["range"][1]}}
    picture = client.post("/api/render", json=edit)
    assert picture.status_code == 200


@pytest.fixture(scope="module")
def uploaded(client: TestClient) -> dict[str, Any]:
    answer = client.post("/api/regressors?name=light&title=Light", content=brightness(shape=("n", 3, 64, 64)))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_an_uploaded_model_is_a_draft_with_its_passport(client: TestClient, uploaded: dict[str, Any]) -> None:
    assert (uploaded["kind"], uploaded["origin"], uploaded["title"]) == ("onnx", "uploaded", "Light")
    assert "scale" in uploaded["asks"]
    assert uploaded["passport"]["nodes"] == 3
    assert set(uploaded["missing"]) == {"measures", "data", "source", "licence", "limits"}
    refused = client.post("/api/regressors/light/learn", json={"generator": "eyes"})
    assert refused.status_code == 422


def test_an_upload_is_tried_described_scored_and_learned_from(
    client: TestClient, uploaded: dict[str, Any], small: str
) -> None:
    wrong = client.put("/api/regressors/light/plan", json={"generator": "eyes", "plan": {"column": 7}})
    assert wrong.status_code == 502
    assert "gives 1 numbers" in wrong.json()["error"]["message"]
    part = client.put("/api/regressors/light/plan", json={"generator": "eyes", "plan": {"scale": "0..1"}}).json()
    assert part["asks"] == ["mean", "std", "order"]
    rest = {"mean": [0, 0, 0], "std": [1, 1, 1], "order": "rgb"}
    tried = client.put("/api/regressors/light/plan", json={"generator": "eyes", "plan": rest}).json()
    assert (tried["asks"], tried["notes"]) == ([], [])
    assert tried["span"][0] < tried["trust"]["mean"] < tried["span"][1]
    card = dict.fromkeys(("measures", "data", "source", "licence", "limits"), "Said.")
    assert client.patch("/api/regressors/light", json={"card": card}).json()["missing"] == []
    scores = [
        client.post(f"/api/regressors/{name}/score", json={"edit": EDIT}).json()["score"]
        for name in ("light", "brightness")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=5e-3)
    body = {"generator": small, "samples": 192, "steps": 6}
    job = wait(client, client.post("/api/regressors/light/learn", json=body).json())
    assert (job["state"], job["error"]) == ("done", None)
    slider = client.get(f"/api/directions/{small}/light").json()
    assert slider["card"]["student"]["samples"] == 192
    assert slider["card"]["positive"] > 0.7
    assert client.delete("/api/regressors/light").status_code == 204
    assert client.get(f"/api/directions/{small}/light").status_code == 200


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04\x95cos\nsystem\n", "pickle"),
        (b"\x89PNG\r\n\x1a\nxxxx", "PNG"),
        (b"", "empty"),
        (b"hello", "not ONNX"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_what_it_is(client: TestClient, data: bytes, words: str) -> None:
    answer = client.post("/api/regressors?name=strange", content=data)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]
    assert client.get("/api/regressors/strange").status_code == 404
