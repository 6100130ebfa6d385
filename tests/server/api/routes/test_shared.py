"""Sharing and marking over HTTP: what was confirmed is there after a restart, and what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

EDIT = {"generator": "eyes", "base": {"seed": 7}}
KEYS = [{"at": 0, "edit": EDIT}, {"at": 1, "edit": {**EDIT, "base": {"seed": 2}}}]
WALK = {"version": 2, "generator": "eyes", "keyframes": KEYS, "seconds": 2}


def test_a_state_is_shared_under_a_short_name(client: TestClient) -> None:
    made = client.post("/api/states", json={"edit": EDIT})
    assert made.status_code == 201
    state = made.json()
    assert (state["kind"], state["edit"]["base"]) == ("edit", {"seed": 7})
    assert len(state["id"]) <= 20
    same = client.post("/api/states", json={"edit": {"base": {"seed": 7}, "generator": "eyes", "truncation": 1.0}})
    assert same.json()["id"] == state["id"]
    assert client.get(f"/api/states/{state['id']}").json() == state
    walk = client.post("/api/states", json={"timeline": WALK}).json()
    assert walk["kind"] == "timeline"
    assert client.get(f"/api/states/{walk['id']}").json()["timeline"]["keyframes"][0]["edit"]["generator"] == "eyes"


def test_bookmarks_outlive_the_server(
    tmp_path: Path, run_app: Callable[[Path], AbstractContextManager[TestClient]]
) -> None:
    with run_app(tmp_path) as client:
        made = client.post("/api/bookmarks", json={"title": "Blue", "edit": EDIT})
        assert made.status_code == 201
    with run_app(tmp_path) as client:
        found = client.get("/api/bookmarks").json()["bookmarks"]
        assert found == [made.json()]
        assert client.get(f"/api/states/{found[0]['state']}").status_code == 200
        second = client.post("/api/bookmarks", json={"title": "Red", "edit": EDIT}).json()
        page = client.get("/api/bookmarks?limit=1").json()
        assert (page["bookmarks"], page["next"]) == ([second], second["id"])
        assert client.get(f"/api/bookmarks?limit=1&after={second['id']}").json() == {"bookmarks": found}
        assert client.delete(f"/api/bookmarks/{second['id']}").status_code == 204
        assert client.delete(f"/api/bookmarks/{found[0]['id']}").status_code == 204
        assert client.get("/api/bookmarks").json() == {"bookmarks": []}
        assert client.delete(f"/api/bookmarks/{found[0]['id']}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"edit": EDIT, "timeline": WALK}, {"edit": {"generator": "eyes"}}, {"edit": {**EDIT, "x": 1}}, {"state": "a"}],
)
def test_what_is_no_state_is_refused(body: dict[str, Any], client: TestClient) -> None:
    for address, more in (("/api/states", {}), ("/api/bookmarks", {"title": "A"})):
        answer = client.post(address, json={**body, **more})
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].endswith(".")
    assert client.get("/api/states/nope").status_code == 404
