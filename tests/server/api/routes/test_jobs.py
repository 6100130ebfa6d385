"""Work in the background, from the request to what it leaves behind."""

from __future__ import annotations

import io
import json
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.walk_bodies import sweep_body

EDIT = {"generator": "eyes", "base": {"seed": 7}}
Run = Callable[[Path], AbstractContextManager[TestClient]]


View = dict[str, Any]


def wait(client: TestClient, job: View, until: Callable[[View], bool] | None = None) -> View:
    reached = until or (lambda view: view["state"] not in ("queued", "running"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        view: dict[str, Any] = client.get(f"/api/jobs/{job['id']}").json()
        if reached(view):
            return view
        time.sleep(0.02)
    raise TimeoutError(view)


def test_discovering_leaves_sliders_with_strips(client: TestClient) -> None:
    asked = client.post("/api/directions/discover", json={"generator": "eyes", "method": "sefa", "count": 2})
    assert asked.status_code == 202
    job = wait(client, asked.json())
    assert (job["state"], job["progress"], job["error"]) == ("done", 1.0, None)
    assert job["result"] == {"generator": "eyes", "directions": ["sefa_1", "sefa_2"]}
    assert client.get(job["detail"]["strip"]).headers["content-type"] == "image/jpeg"
    found = {one["id"]: one for one in client.get("/api/directions?generator=eyes").json()["directions"]}
    assert found["sefa_1"]["group"] == "discovered"
    strip = client.get(found["sefa_1"]["strip"])
    assert Image.open(io.BytesIO(strip.content)).format == "JPEG"


def test_learning_is_watched_and_stopped(client: TestClient) -> None:
    body = {"generator": "eyes", "transform": "zoom", "id": "zoom_2", "steps": 250}
    asked = client.post("/api/directions/learn", json=body)
    assert asked.status_code == 202
    job = wait(client, asked.json(), lambda view: view["detail"].get("step", 0) >= 2)
    assert (job["state"], job["kind"], job["title"]) == ("running", "learn", "Learning zoom on eyes")
    assert job["detail"]["steps"] == 250
    assert client.delete(f"/api/jobs/{job['id']}").status_code == 202
    assert wait(client, job)["state"] == "cancelled"
    assert client.get("/api/directions/eyes/zoom_2").status_code == 404


def test_pictures_come_while_something_is_learned(client: TestClient) -> None:
    job = client.post("/api/directions/learn", json={"generator": "eyes", "transform": "red"}).json()
    wait(client, job, lambda view: view["state"] == "running")
    begin = time.monotonic()
    for seed in range(3):
        assert client.post("/api/render", json={**EDIT, "base": {"seed": seed}}).status_code == 200
    assert time.monotonic() - begin < 20
    client.delete(f"/api/jobs/{job['id']}")
    wait(client, job)


@pytest.mark.parametrize(("format", "type"), [("mp4", "video/mp4"), ("gif", "image/gif")])
def test_a_walk_becomes_a_film(format: str, type: str, client: TestClient) -> None:
    body = sweep_body(EDIT, "sway", format=format, seconds=0.5, fps=12, size=64)
    job = wait(client, client.post("/api/walks/export", json=body).json())
    assert job["state"] == "done", job
    export = client.get("/api/exports").json()["exports"][0]
    assert export["id"] == job["result"]["export"]
    facts = {name: export[name] for name in ("format", "width", "height", "frames", "fps", "seconds")}
    assert facts == {"format": format, "width": 64, "height": 64, "frames": 6, "fps": 12, "seconds": 0.5}
    film = client.get(export["url"])
    assert film.headers["content-type"] == type
    assert len(film.content) == export["bytes"]
    assert f".{format}" in film.headers["content-disposition"]
    assert client.get(export["thumbnail"]).headers["content-type"] == "image/jpeg"
    again = wait(client, client.post("/api/walks/export", json=export["recipe"]).json())
    other = client.get("/api/exports").json()["exports"][0]
    assert other["id"] == again["result"]["export"]
    assert other["digest"] == export["digest"]  # the same frames; signing twice makes two files of them
    for one in (export, other):
        assert client.delete(f"/api/exports/{one['id']}").status_code == 204
    assert client.get(export["url"]).status_code == 404


def test_a_cancelled_film_leaves_nothing(client: TestClient, app_home: Path) -> None:
    body = sweep_body(EDIT, "sway", seconds=60, fps=30, format="mp4")
    job = wait(client, client.post("/api/walks/export", json=body).json(), lambda view: view["progress"] > 0)
    client.delete(f"/api/jobs/{job['id']}")
    assert wait(client, job)["state"] == "cancelled"
    assert client.get("/api/exports").json() == {"exports": []}
    assert not list((app_home / "exports").glob("*/*"))


def test_jobs_are_listed_newest_first_and_survive_the_server(tmp_path: Path, run_app: Run) -> None:
    body = {"generator": "eyes", "method": "sefa", "count": 1}
    with run_app(tmp_path) as client:
        done = wait(client, client.post("/api/directions/discover", json=body).json())
        left = client.post("/api/directions/learn", json={"generator": "eyes", "transform": "zoom"}).json()
        wait(client, left, lambda view: view["state"] == "running")
    with run_app(tmp_path) as client:
        jobs = client.get("/api/jobs").json()["jobs"]
        assert [job["id"] for job in jobs] == [left["id"], done["id"]]
        assert jobs[1]["state"] == "done"
        again = wait(client, left, lambda view: view["state"] == "running")
        assert again["progress"] < 1  # the same job, gone on with
        assert client.get("/api/directions/eyes/sefa_1").status_code == 200
        client.delete(f"/api/jobs/{left['id']}")
        assert wait(client, left)["state"] == "cancelled"
    with run_app(tmp_path) as client:
        assert wait(client, left)["state"] == "cancelled"


def _events(url: str, **headers: str) -> list[tuple[int, dict[str, Any]]]:
    found, number = [], -1
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream:
            if line.startswith(b"id: "):
                number = int(line[4:])
            if line.startswith(b"event: "):
                assert line.strip() == b"event: job"
            if line.startswith(b"data: "):
                found.append((number, json.loads(line[6:])))
    return sorted(found, key=lambda pair: pair[0])


def test_a_jobs_events_tell_its_whole_story_and_end(live_server: str) -> None:
    body = json.dumps(sweep_body(EDIT, "sway", seconds=3, fps=30, size=128, format="mp4")).encode()
    asked = urllib.request.Request(f"{live_server}/api/walks/export", body, {"content-type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        job = json.load(answer)
    events = _events(f"{live_server}/api/jobs/{job['id']}/events")
    states = [view["state"] for _, view in events]
    assert states[-1] == "done"
    assert "running" in states
    numbers = [number for number, _ in events]
    assert numbers == sorted(set(numbers))
    shares = [view["progress"] for _, view in events]
    assert shares == sorted(shares)
    late = _events(f"{live_server}/api/jobs/{job['id']}/events", **{"Last-Event-ID": str(numbers[-1])})
    assert [view["state"] for _, view in late] == ["done"]


def test_a_generator_without_an_encoder_takes_no_picture_in(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(buffer, "PNG")
    answer = client.post("/api/generators/eyes/invert", content=buffer.getvalue())
    assert answer.status_code == 404
    assert "no encoder" in answer.json()["error"]["message"]
    assert client.post("/api/generators/eyes/invert", content=b"text").status_code == 422
    inverts = {one["name"]: one["inverts"] for one in client.get("/api/generators").json()["generators"]}
    assert inverts["eyes"] is False
    assert inverts["avatars"] is True
