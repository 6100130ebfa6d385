"""The HTTP interface as the page and other programs meet it."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from latentwalk.edit import parse
from tests.walk_bodies import sweep_body

EDIT = {"generator": "eyes", "base": {"seed": 7}, "amounts": {"sway": 4}}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def said(answer: Any, status: int) -> dict[str, str]:
    """The error of an answer, checked for its one shape."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert body["error"]["message"].endswith(".")
    assert "Traceback" not in answer.text
    found: dict[str, str] = body["error"]
    return found


def test_the_page_is_there(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_static_files_are_revalidated_on_every_request(client: TestClient) -> None:
    answer = client.get("/static/js/live/live-socket.js")
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/static/js/live/live-socket.js", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


def test_the_sign_of_life_names_what_is_loaded(client: TestClient) -> None:
    client.post("/api/render", json=EDIT)
    body = client.get("/healthz").json()
    assert body["status"] == "ok"
    assert body["device"] == "cpu"
    assert "eyes" in body["generators"]


def test_generators_come_with_their_cards(client: TestClient) -> None:
    generators = {one["name"]: one for one in client.get("/api/generators").json()["generators"]}
    eyes, faces = generators["eyes"], generators["faces"]
    assert eyes["installed"]
    assert "download" not in eyes
    assert (eyes["resolution"], eyes["channels"], eyes["spaces"], eyes["layers"]) == (128, 3, {"z": [100]}, 1)
    assert len(eyes["classes"]) == 8
    assert set(eyes["card"]) == {"summary", "source", "licence", "data", "data_licence", "shows_badly", "year"}
    assert not faces["installed"]
    assert faces["download"]["requirement"] == "gan-face-generate==1.1.1"
    assert faces["download"]["bytes"] > 10**6


def test_transforms_have_units_and_amounts_to_learn(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/api/transforms?generator=eyes").json()["transforms"]}
    assert found["zoom"]["unit"] == {"symbol": "x", "neutral": 1.0, "scale": "log", "decimals": 2}
    assert found["zoom"]["range"] == [0.5, 2.0]
    assert all(one["about"] and one["title"] and one["group"] for one in found.values())


def test_directions_are_shown_with_their_limits(client: TestClient) -> None:
    directions = {one["id"]: one for one in client.get("/api/directions?generator=eyes").json()["directions"]}
    sway = directions["sway"]
    assert (sway["range"], sway["track"], sway["asked"]) == ([-10, 8], [-14, 12], [-20, 20])
    assert (sway["origin"], sway["removable"], sway["kind"], sway["strip"]) == ("learned", True, "linear", None)
    assert sway["step"] > 0
    whole = client.get("/api/directions/eyes/sway").json()
    assert whole["curve"]["coordinates"] == [-20, 0, 20]
    said(client.get("/api/directions/eyes/sway/strip.jpg"), 404)


def test_a_render_is_a_png_that_carries_its_edit(client: TestClient) -> None:
    answer = client.post("/api/render", json=EDIT)
    assert answer.headers["content-type"] == "image/png"
    assert json.loads(answer.headers["x-latentwalk-edit"]) == EDIT
    opened = Image.open(io.BytesIO(answer.content))
    assert opened.size == (128, 128)
    assert json.loads(opened.info["latentwalk"]) == EDIT
    assert client.post("/api/render", json=EDIT).content == answer.content


def test_an_amount_at_neutral_changes_no_pixel(client: TestClient) -> None:
    neutral = client.post("/api/render", json={**EDIT, "amounts": {"sway": 0}})
    plain = client.post("/api/render", json={**EDIT, "amounts": {}})
    moved = client.post("/api/render", json=EDIT)
    assert np.array_equal(pixels(neutral.content), pixels(plain.content))
    assert not np.array_equal(pixels(moved.content), pixels(plain.content))


def test_the_same_picture_has_an_address_and_is_sent_once(client: TestClient) -> None:
    query = {"edit": json.dumps(EDIT)}
    answer = client.get("/api/render", params=query)
    assert answer.content == client.post("/api/render", json=EDIT).content
    again = client.get("/api/render", params=query, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/api/render", params={"edit": json.dumps({**EDIT, "truncation": 0.5})})
    assert other.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize(("format", "type"), [("png", "image/png"), ("jpg", "image/jpeg"), ("webp", "image/webp")])
def test_thumbnails_come_in_any_format(format: str, type: str, client: TestClient) -> None:
    answer = client.get("/api/render", params={"edit": json.dumps(EDIT), "format": format, "size": 48})
    assert answer.headers["content-type"] == type
    assert Image.open(io.BytesIO(answer.content)).size == (48, 48)


@pytest.mark.parametrize(
    ("edit", "status", "message"),
    [
        ({"generator": "nope", "base": {"seed": 1}}, 404, "no generator “nope”"),
        ({"generator": "faces", "base": {"seed": 1}}, 404, "not downloaded yet"),
        ({"generator": "eyes"}, 422, "base"),
        ({"generator": "eyes", "base": {}}, 422, "base"),
        ({"generator": "eyes", "base": {"seed": 2**32}}, 422, "base.seed"),
        ({"generator": "eyes", "base": {"seed": -1}}, 422, "base.seed"),
        ({"generator": "eyes", "base": {"seed": 1.5}}, 422, "base.seed"),
        ({"generator": "eyes", "base": {"seed": 1}, "colour": 1}, 422, "colour"),
        ({"generator": "eyes", "base": {"seed": 1}, "classes": {"purple": 1}}, 422, "purple"),
        ({"generator": "eyes", "base": {"seed": 1}, "classes": {"blue": 0}}, 422, "zero"),
        ({"generator": "eyes", "base": {"seed": 1}, "truncation": 9}, 422, "truncation"),
        ({"generator": "eyes", "base": {"seed": 1}, "amounts": {"nope": 1}}, 422, "nope"),
        ({"generator": "eyes", "base": {"seed": 1}, "amounts": {"sway": 99}}, 422, "track"),
        ({"generator": "eyes", "base": {"seed": 1}, "hold": ["nope"]}, 422, "nope"),
        ({"generator": "eyes", "base": {"seed": 1}, "amounts": {"sway": 1}, "layers": {"sway": [3, 9]}}, 422, "layers"),
        ({}, 422, "generator"),
    ],
)
def test_an_impossible_edit_is_refused_with_a_sentence(
    edit: dict[str, Any], status: int, message: str, client: TestClient
) -> None:
    assert message in said(client.post("/api/render", json=edit), status)["message"]
    if edit:
        assert message in said(client.get("/api/render", params={"edit": json.dumps(edit)}), status)["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b'{"base": NaN}'])
def test_a_body_that_is_no_edit_is_refused(body: bytes, client: TestClient) -> None:
    said(client.post("/api/render", content=body, headers={"content-type": "application/json"}), 422)


def test_a_body_nested_too_deeply_is_refused(client: TestClient) -> None:
    said(client.post("/api/render", content=b"[" * 100_000, headers={"content-type": "application/json"}), 400)


def test_not_a_number_is_refused(client: TestClient) -> None:
    body = '{"generator":"eyes","base":{"seed":1},"amounts":{"sway":NaN}}'
    error = said(client.post("/api/render", content=body, headers={"content-type": "application/json"}), 422)
    assert "finite" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/static/../server/app.py", 404),
        ("DELETE", "/api/generators", 405),
        ("GET", "/api/directions", 422),
        ("GET", "/api/directions?generator=nope", 404),
        ("GET", "/api/transforms?generator=nope", 404),
        ("GET", "/api/directions/eyes/nope", 404),
        ("GET", "/api/directions/nope/sway", 404),
        ("DELETE", "/api/directions/eyes/nope", 404),
        ("GET", "/api/jobs/j-nope", 404),
        ("GET", "/api/jobs/j-nope/events", 404),
        ("GET", "/api/jobs/j-nope/preview.jpg", 404),
        ("DELETE", "/api/jobs/j-nope", 404),
        ("GET", "/api/exports/x-nope/file", 404),
        ("GET", "/api/exports/..%2F..%2Fetc/file", 404),
        ("DELETE", "/api/exports/x-nope", 404),
        ("GET", "/api/render?edit={}&size=4", 422),
        ("GET", "/api/render?edit={}&format=bmp", 422),
        ("GET", "/api/render", 422),
    ],
)
def test_every_refusal_has_the_one_shape(method: str, path: str, status: int, client: TestClient) -> None:
    said(client.request(method, path), status)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/api/generators", {"pull": "nope"}, 404, "nope"),
        ("/api/generators", {"pull": "eyes"}, 409, "installed already"),
        ("/api/generators", {"push": "faces"}, 422, "pull"),
        ("/api/directions/learn", {"generator": "eyes", "transform": "nope"}, 404, "nope"),
        ("/api/directions/learn", {"generator": "nope", "transform": "zoom"}, 404, "nope"),
        ("/api/directions/learn", {"generator": "eyes", "transform": "zoom", "steps": 0}, 422, "steps"),
        ("/api/directions/learn", {"generator": "eyes", "transform": "zoom", "walk": "swim"}, 422, "walk"),
        ("/api/directions/learn", {"generator": "eyes", "transform": "zoom", "id": "../x"}, 422, "cannot name"),
        ("/api/directions/learn", {"generator": "eyes", "transform": "zoom", "speed": 3}, 422, "speed"),
        ("/api/directions/discover", {"generator": "eyes", "method": "luck"}, 422, "method"),
        ("/api/directions/discover", {"generator": "eyes", "method": "pca", "count": 99}, 422, "count"),
        ("/api/walks/export", sweep_body(EDIT, "nope"), 422, "nope"),
        ("/api/walks/export", sweep_body(EDIT, "sway", fps=500), 422, "fps"),
        ("/api/walks/export", sweep_body(EDIT, "sway", amount=99), 422, "cannot go to"),
        ("/api/walks/export", sweep_body({**EDIT, "amounts": {"nope": 1}}, "sway"), 422, "nope"),
        ("/api/walks/export", {"generator": "eyes", "keyframes": [{"at": 0, "edit": 5}]}, 422, "edit"),
        ("/api/walks/export", {"generator": "eyes"}, 422, "keyframes"),
    ],
)
def test_an_impossible_job_is_refused_before_it_is_queued(
    path: str, body: Any, status: int, message: str, client: TestClient
) -> None:
    before = len(client.get("/api/jobs").json()["jobs"])
    assert message in said(client.post(path, json=body), status)["message"]
    assert len(client.get("/api/jobs").json()["jobs"]) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "generator",
    "base",
    "classes",
    "truncation",
    "amounts",
    "layers",
    "hold",
    "size",
    "pull",
    "transform",
    "edit",
)
BODIES = JSON | st.dictionaries(st.sampled_from(FIELDS), JSON | st.just("eyes") | st.just({"seed": 3}), max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=BODIES, path=st.sampled_from(["/api/render", "/api/generators", "/api/directions/learn", "/api/walks/export"])
)
def test_no_body_makes_the_server_stumble(body: Any, path: str, client: TestClient) -> None:
    answer = client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code in (200, 404, 409, 422), answer.text
    if answer.status_code != 200:
        said(answer, answer.status_code)


def test_a_direction_can_be_downloaded_removed_and_uploaded(client: TestClient) -> None:
    file = client.get("/api/directions/eyes/sway/file")
    assert "eyes-sway.safetensors" in file.headers["content-disposition"]
    picture = client.post("/api/render", json=EDIT).content
    assert client.delete("/api/directions/eyes/sway").status_code == 204
    said(client.post("/api/render", json=EDIT), 422)
    brought = client.post("/api/directions/upload", content=file.content)
    assert brought.status_code == 201
    assert brought.json()["id"] == "sway"
    assert client.post("/api/render", json=EDIT).content == picture


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_file_that_is_no_direction_is_refused(cut: int, client: TestClient) -> None:
    data = client.get("/api/directions/eyes/sway/file").content
    error = said(client.post("/api/directions/upload", content=data[:cut]), 422)
    assert "is not a direction" in error["message"]


def test_a_relearned_slider_changes_the_pictures_tag(client: TestClient) -> None:
    query = {"edit": json.dumps(EDIT)}
    before = client.get("/api/render", params=query).headers["etag"]
    data = client.get("/api/directions/eyes/sway/file").content
    client.post("/api/directions/upload", content=data)
    assert client.get("/api/render", params=query).headers["etag"] != before


def test_the_interface_describes_itself(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/healthz", "/api/generators", "/api/directions", "/api/jobs", "/api/exports", "/api/render"} <= set(paths)
    undescribed = [path for path, verbs in paths.items() for verb in verbs.values() if not verb.get("description")]
    assert undescribed == []


def test_the_canonical_edit_names_the_picture(client: TestClient) -> None:
    spelled = {"base": {"seed": 7}, "amounts": {"sway": 4.0}, "generator": "eyes", "truncation": 1.0, "hold": []}
    assert parse(spelled) == parse(EDIT)
    first, second = (client.post("/api/render", json=one).content for one in (EDIT, spelled))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_a_grid_is_one_picture_of_several_seeds(client: TestClient) -> None:
    answer = client.post("/api/grids", json={"edit": EDIT, "seeds": [1, 2, 3], "columns": 3})
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as sheet:
        assert sheet.width > 3 * 128 > sheet.height
    said(client.post("/api/grids", json={"edit": EDIT, "seeds": []}), 422)
    said(client.post("/api/grids", json={"edit": {**EDIT, "generator": "nobody"}, "seeds": [1]}), 404)
