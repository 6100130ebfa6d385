"""The whole application on PostgreSQL: the same responses as on SQLite, and the same state after a restart."""

from __future__ import annotations

import time
from pathlib import Path

from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings

EDIT = {"generator": "eyes", "base": {"seed": 7}}


def test_bookmarks_directions_and_jobs_survive_a_restart_in_either_database(tmp_path: Path, url: str) -> None:
    settings = Settings(home=tmp_path / "home", database=url, first="eyes")
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        bookmark = client.post("/api/bookmarks", json={"title": "Blue", "edit": EDIT}).json()
        request = {"generator": "eyes", "method": "sefa", "count": 1}
        job = client.post("/api/directions/discover", json=request).json()
        deadline = time.monotonic() + 60
        while client.get(f"/api/jobs/{job['id']}").json()["state"] != "done":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        unfinished = client.post("/api/directions/learn", json={"generator": "eyes", "transform": "zoom"}).json()
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        assert client.get("/api/bookmarks").json() == {"bookmarks": [bookmark]}
        assert client.get("/api/directions/eyes/sefa_1").status_code == 200
        states = {one["id"]: one["state"] for one in client.get("/api/jobs").json()["jobs"]}
        assert states[job["id"]] == "done"
        assert states[unfinished["id"]] in ("queued", "running")
        assert client.delete(f"/api/jobs/{unfinished['id']}").status_code == 202
    assert (tmp_path / "home" / "latentwalk.sqlite").exists() is False
