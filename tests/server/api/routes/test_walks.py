"""Walks over HTTP: scrubbed, estimated, filmed, restored from a dropped file, known again."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from latentwalk.edit import parse
from latentwalk.films.recipe_extraction import LARGEST_FILE
from latentwalk.films.timeline import read
from server.storage.audio_files import LARGEST as LARGEST_SOUND
from tests.server.api.routes.test_jobs import wait

EDIT = {"generator": "eyes", "base": {"seed": 7}}
WALK: dict[str, Any] = {
    "version": 2,
    "generator": "eyes",
    "keyframes": [{"at": 0, "edit": EDIT}, {"at": 0.5, "amounts": {"sway": 5}}],
    "seconds": 1,
    "output": {"fps": 6, "size": 64},
}


def clicks(*ats: float, seconds: float = 4.0) -> bytes:
    """A wav with short bursts of noise at these seconds, over a quiet hum."""
    rate = 22050
    samples = 300 * np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 110 / rate)
    chance = np.random.default_rng(0)
    for at in ats:
        start = int(at * rate)
        samples[start : start + 900] += chance.normal(0, 9000, 900) * np.exp(-np.arange(900) / 200)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(samples, -32767, 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def test_the_moments_of_a_walk_are_edits_to_send_to_the_live_socket(client: TestClient) -> None:
    answer = client.post("/api/walks/edits", json={"timeline": WALK}).json()
    assert (answer["seconds"], answer["frames"], answer["fps"]) == (1.0, 6, 6)
    assert answer["times"] == pytest.approx([n / 6 for n in range(6)])
    edits = [parse(cells[0]) for cells in answer["edits"]]
    assert edits[0].amounts["sway"] == 0
    assert max(edit.amounts["sway"] for edit in edits) == 5
    few = client.post("/api/walks/edits", json={"timeline": WALK, "count": 3}).json()
    assert few["edits"] == [answer["edits"][n] for n in (0, 2, 5)]


def test_a_grid_has_an_edit_for_every_cell(client: TestClient) -> None:
    walk = {**WALK, "grid": {"seeds": [1, 2, 3]}}
    answer = client.post("/api/walks/edits", json={"timeline": walk, "count": 2}).json()
    assert (answer["columns"], answer["rows"]) == (2, 2)
    assert [cell["base"]["seed"] for cell in answer["edits"][1]] == [1, 2, 3]


def test_even_speed_is_in_the_moments_already(client: TestClient) -> None:
    keys = [{"at": 0, "edit": EDIT, "easing": "in"}, {"at": 1, "edit": {**EDIT, "base": {"seed": 9}}}]
    walk = {**WALK, "keyframes": keys, "play": "once", "seconds": 1, "speed": "even"}
    even = client.post("/api/walks/edits", json={"timeline": walk}).json()["edits"]
    timed = client.post("/api/walks/edits", json={"timeline": {**walk, "speed": "timed"}}).json()["edits"]
    assert even[0] == timed[0]
    assert even[2] != timed[2]


def test_an_estimate_says_what_the_film_would_be(client: TestClient) -> None:
    answer = client.post("/api/walks/estimate", json={"timeline": {**WALK, "caption": True}}).json()
    assert (answer["seconds"], answer["frames"], answer["width"]) == (1.0, 6, 64)
    assert answer["height"] > 64
    assert answer["bytes"] > 500
    assert answer["render_seconds"] > 0


def test_presets_make_timelines(client: TestClient) -> None:
    presets = {preset["id"]: preset for preset in client.get("/api/walks/presets").json()["presets"]}
    assert set(presets) == {"random", "back_and_forth", "tour", "morph"}
    body = {"edit": EDIT, "seconds": 4, "seeds": 3, "direction": "sway", "classes": ["blue", "green"]}
    for id in presets:
        answer = client.post(f"/api/walks/presets/{id}", json=body)
        assert answer.status_code == 200, answer.json()
        assert read(answer.json()["timeline"]).length == 4
    assert client.post("/api/walks/presets/nope", json=body).status_code == 422


@pytest.mark.parametrize("format", ["mp4", "apng", "webp", "webm"])
def test_a_film_is_rendered_downloaded_and_restored(format: str, client: TestClient) -> None:
    walk = {**WALK, "title": "Here and there", "output": {"fps": 6, "size": 64, "format": format}}
    asked = client.post("/api/walks/export", json=walk)
    assert asked.status_code == 202
    job = wait(client, asked.json())
    assert job["state"] == "done", job
    export = next(one for one in client.get("/api/exports").json()["exports"] if one["id"] == job["result"]["export"])
    assert (export["title"], export["frames"], export["width"]) == ("Here and there", 6, 64)
    film = client.get(export["url"])
    assert len(film.content) == export["bytes"]
    assert "attachment" in film.headers["content-disposition"]
    played = client.get(f"{export['url']}?inline=true", headers={"range": "bytes=0-99"})
    assert (played.status_code, len(played.content)) == (206, 100)
    assert "inline" in played.headers["content-disposition"]
    dropped = client.post("/api/walks/restore", content=film.content).json()
    assert dropped["kind"] == "walk"
    assert read(dropped["timeline"]) == read(walk)
    checked = client.post("/api/provenance/check", content=film.content).json()
    assert checked["made"] == "here"
    assert checked["matches"][0]["export"] == export["id"]
    if format == "webm":
        assert export["credential"] == "sidecar"
        assert client.get(export["sidecar"]).json()["sha256"] == export["sha256"]
        restored = client.post("/api/walks/restore", content=client.get(export["sidecar"]).content).json()
        assert read(restored["timeline"]) == read(walk)
    else:
        assert dropped["credential"]["state"] == checked["credential"]["state"] == "trusted"
        assert client.get(f"/api/exports/{export['id']}/sidecar.json").status_code == 404
    assert client.delete(f"/api/exports/{export['id']}").status_code == 204
    assert client.post("/api/provenance/check", content=film.content).json()["made"] == "here"


def test_a_signed_picture_restores_its_edit(client: TestClient) -> None:
    edit = {**EDIT, "amounts": {"sway": 3.0}}
    for format in ("png", "jpg", "webp"):
        answer = client.post("/api/provenance/still", json={"edit": edit, "format": format, "mark": format == "jpg"})
        assert answer.status_code == 200
        dropped = client.post("/api/walks/restore", content=answer.content).json()
        assert (dropped["kind"], dropped["credential"]["state"]) == ("edit", "trusted")
        assert parse(dropped["edit"]) == parse(edit)
    plain, exact = client.post("/api/provenance/still", json={"edit": edit}), client.post("/api/render", json=edit)
    pictures = [np.asarray(Image.open(io.BytesIO(one.content)).convert("RGB")) for one in (plain, exact)]
    assert np.array_equal(*pictures)
    # The picture as the page shows it carries its edit too, unsigned.
    assert parse(client.post("/api/walks/restore", content=exact.content).json()["edit"]) == parse(edit)


def test_audio_is_kept_with_its_beats_and_is_in_the_film(client: TestClient) -> None:
    beats = [0.5, 1.0, 1.5, 2.25, 3.0]
    answer = client.post("/api/walks/audio?name=clicks.wav", content=clicks(*beats)).json()
    assert answer["seconds"] == pytest.approx(4.0, abs=0.05)
    assert answer["beats"] == pytest.approx(beats, abs=0.03)
    again = client.post("/api/walks/audio?name=clicks.wav", content=clicks(*beats)).json()
    assert again == answer
    walk = {**WALK, "audio": answer["audio"], "beats": answer["beats"]}
    job = wait(client, client.post("/api/walks/export", json=walk).json())
    assert job["state"] == "done", job
    film = client.get(f"/api/exports/{job['result']['export']}/file").content
    assert b"mp4a" in film
    for wrong, said in (
        ({**walk, "output": {"format": "webp"}}, "cannot contain audio"),
        ({**walk, "audio": {"sha256": "0" * 64, "name": "gone.mp3"}}, "“gone.mp3” is not here"),
    ):
        assert said in client.post("/api/walks/export", json=wrong).json()["error"]["message"]


def test_it_is_said_how_files_are_signed(client: TestClient) -> None:
    view = client.get("/api/provenance").json()
    assert view["signing"] is True
    assert "does not prove who" in view["sentence"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/walks/edits", {"timeline": {"generator": "eyes"}}, "keyframes"),
        ("/api/walks/edits", {"timeline": WALK, "count": 10_000}, "count"),
        ("/api/walks/edits", {"timeline": {**WALK, "keyframes": [WALK["keyframes"][0]] * 2}}, "must come after"),
        ("/api/walks/estimate", {}, "timeline"),
        ("/api/walks/export", {**WALK, "keyframes": [*WALK["keyframes"], {"at": 0.8, "amounts": {"nope": 1}}]}, "nope"),
        (
            "/api/walks/export",
            {**WALK, "keyframes": [WALK["keyframes"][0], {"at": 0.5, "amounts": {"sway": 99}}]},
            "99",
        ),
        ("/api/provenance/still", {"edit": EDIT, "size": 5}, "size"),
    ],
)
def test_an_impossible_request_is_one_sentence(path: str, body: Any, said: str, client: TestClient) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("path", ["/api/walks/restore", "/api/walks/audio", "/api/provenance/check"])
def test_dropped_files_have_a_limit(path: str, client: TestClient) -> None:
    limit = LARGEST_SOUND if path.endswith("audio") else LARGEST_FILE

    def in_pieces():  # type: ignore[no-untyped-def]
        for _ in range(limit // 2**20 + 1):
            yield bytes(2**20)

    assert client.post(path, content=in_pieces()).status_code == 413


@pytest.mark.parametrize(
    "data", [b"", b"nothing", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b'{"keyframes": 5}', b"{"]
)
def test_a_dropped_file_without_a_recipe_is_one_sentence(data: bytes, client: TestClient) -> None:
    answer = client.post("/api/walks/restore", content=data)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].endswith(".")
    assert client.post("/api/walks/audio", content=data).status_code == 422
    assert client.post("/api/provenance/check", content=data).json()["made"] == "no"
