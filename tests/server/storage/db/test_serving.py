"""The whole application on PostgreSQL: the same answers as on a file, and the same memory after a restart."""

from __future__ import annotations

import time
from pathlib import Path

from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings

EDIT = {"generator": "eyes", "base": {"seed": 7}}


def test_a_server_remembers_in_either_database(tmp_path: Path, url: str) -> None:
    settings = Settings(home=tmp_path / "home", database=url, first="eyes")
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        bookmark = client.post("/api/bookmarks", json={"title": "Blue", "edit": EDIT}).json()
        wish = {"generator": "eyes", "method": "sefa", "count": 1}
        job = client.post("/api/directions/discover", json=wish).json()
        deadline = time.monotonic() + 60
        while client.get(f"/api/jobs/{job['id']}").json()["state"] != "done":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        left = client.post("/api/directions/learn", json={"generator": "eyes", "transform": "zoom"}).json()
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        assert client.get("/api/bookmarks").json() == {"bookmarks": [bookmark]}
        assert client.get("/api/directions/eyes/sefa_1").status_code == 200
        states = {one["id"]: one["state"] for one in client.get("/api/jobs").json()["jobs"]}
        assert states[job["id"]] == "done"
        assert states[left["id"]] in ("queued", "running")
        assert client.delete(f"/api/jobs/{left['id']}").status_code == 202
    assert (tmp_path / "home" / "latentwalk.sqlite").exists() is False
