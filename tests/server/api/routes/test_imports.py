"""Checkpoints and directions of other programs over HTTP: previewed, kept, discarded, refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from server.services.generators.import_quarantine import CAPACITY
from tests.conftest import running_app
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.onnx.test_generators import graph
from tests.models.importing.pickle_writer import Call, Global, pickle_bytes
from tests.models.importing.test_direction_files import npy
from tests.models.sandbox.markers import needs_isolation

pytestmark = needs_isolation
FILE = pickle_bytes(stylegan2(c=3).pickle_value())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with running_app(home) as running:
        yield running


def waiting(home: Path) -> list[Path]:
    return list((home / "quarantine").glob("*"))


def seen(client: TestClient, name: str = "mine", data: bytes = FILE) -> dict:
    answer = client.post(f"/api/imports?name={name}", content=data)
    assert answer.status_code == 201, answer.text
    return answer.json()


def names(client: TestClient) -> set[str]:
    return {one["name"] for one in client.get("/api/generators").json()["generators"]}


def test_a_preview_has_the_whole_passport_and_keeps_nothing(client: TestClient, home: Path) -> None:
    found = seen(client)
    assert (found["family"], found["sizes"]["classes"]) == ("stylegan2", 3)
    assert found["tensors"]
    assert found["names"]
    assert len(found["sha256"]) == len(found["golden"]) == 64
    assert base64.b64decode(found["picture"].partition(",")[2]).startswith(b"\x89PNG")
    assert "mine" not in names(client)
    assert client.delete(f"/api/imports/{found['id']}").status_code == 204
    assert waiting(home) == []
    assert client.delete(f"/api/imports/{found['id']}").status_code == 404


def test_a_kept_checkpoint_is_a_generator_that_renders(client: TestClient, home: Path) -> None:
    found = seen(client)
    said = {"name": "mine", "title": "My own", "card": {"licence": "CC0"}, "golden": found["golden"]}
    kept = client.post(f"/api/imports/{found['id']}", json=said)
    assert kept.status_code == 201, kept.text
    assert (kept.json()["title"], kept.json()["card"]["licence"]) == ("My own", "CC0")
    assert waiting(home) == []
    edit = {"generator": "mine", "base": {"seed": 3}, "styles": {"9": [2, 4]}, "cutoff": 2, "truncation": 0.5}
    drawn = client.post("/api/render", json=edit)
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/png")
    assert seen(client)["golden"] == found["golden"]


def test_an_onnx_graph_is_previewed_again_as_its_owner_says_and_corrected_after_it_was_kept(client: TestClient) -> None:
    data = graph(end="Sigmoid", classes=2)
    found = seen(client, "wall", data)
    assert (found["graph"]["range"], found["graph"]["is_range_given"], found["graph"]["samples"]) == ("0..1", False, 4)
    assert 0 < found["graph"]["low"] < found["graph"]["high"] < 1
    assert [row[:2] for row in found["graph"]["inputs"]] == [["z", "z"], ["c", "weights"]]
    address = f"/api/imports/{found['id']}"
    again = client.post(f"{address}/preview?name=wall", json={"range": "-1..1"}).json()
    assert (again["id"], again["graph"]["range"], again["graph"]["is_range_given"]) == (found["id"], "-1..1", True)
    assert again["golden"] != found["golden"]
    refused = client.post(f"{address}/preview?name=wall", json={"inputs": {"c": "label"}})
    assert (refused.status_code, "is no label" in refused.json()["error"]["message"]) == (422, True)
    said = {"name": "wall", "golden": again["golden"], "graph": {"range": "-1..1"}}
    assert client.post(address, json=said).status_code == 201
    later = seen(client, "wall", data)
    corrected = {"name": "wall", "golden": later["golden"]}
    assert client.post(f"/api/imports/{later['id']}", json=corrected).status_code == 201
    other = seen(client, "wall", graph(classes=3))
    answer = client.post(f"/api/imports/{other['id']}", json={"name": "wall", "golden": other["golden"]})
    assert answer.status_code == 409


def test_a_checkpoint_that_renders_another_image_than_previewed_is_not_kept(client: TestClient) -> None:
    found = seen(client, "other")
    refused = client.post(f"/api/imports/{found['id']}", json={"name": "other", "golden": "0" * 64})
    assert refused.status_code == 422
    assert "different image" in refused.json()["error"]["message"]
    assert "other" not in names(client)


def test_a_file_that_would_run_code_is_refused_and_gone(client: TestClient, home: Path, tmp_path: Path) -> None:
    before, trap = len(waiting(home)), tmp_path / "sprung"
    evil = pickle_bytes(Call(Global("os", "system"), (f"touch {trap}",)))
    refused = client.post("/api/imports?name=evil", content=evil)
    assert refused.status_code == 422
    assert "os.system" in refused.json()["error"]["message"]
    assert not trap.exists()
    assert len(waiting(home)) == before


@pytest.mark.parametrize("id", ["..%2Fkeys", "0" * 16, "zz"])
def test_an_id_that_is_none_leads_nowhere(client: TestClient, id: str) -> None:
    answer = client.post(f"/api/imports/{id}", json={"name": "mine", "golden": ""})
    assert answer.status_code in (404, 405)


def test_the_oldest_undecided_files_are_removed(client: TestClient, home: Path) -> None:
    for number in range(CAPACITY + 2):
        seen(client, f"try_{number}")
    assert len(waiting(home)) == CAPACITY


def test_a_direction_of_another_program_is_imported(client: TestClient) -> None:
    where = "/api/directions/foreign?generator=mine&name=smile.npy"
    made = client.post(where, content=npy(np.eye(8, dtype=np.float32)[[1]]))
    assert made.status_code == 201, made.text
    (slider,) = made.json()["directions"]
    assert (slider["id"], slider["space"], slider["verdict"]) == ("smile", "w", "unmeasured")
    assert client.get(slider["strip"]).status_code == 200
    refused = client.post(where, content=npy(np.eye(512, dtype=np.float32)[[1]]))
    assert refused.status_code == 422
    assert "another model or another space" in refused.json()["error"]["message"]


def test_a_latent_of_another_program_is_where_an_edit_starts(client: TestClient) -> None:
    latent = npy(np.ones((1, 6, 8), np.float32))
    made = client.post("/api/directions/foreign?generator=mine&name=projected.npy", content=latent)
    assert made.status_code == 201, made.text
    assert client.post("/api/render", json={"generator": "mine", "base": made.json()["base"]}).status_code == 200


def test_an_imported_stylegan3_brings_its_exact_sliders(client: TestClient) -> None:
    found = seen(client, "waves", pickle_bytes(stylegan3(True).pickle_value()))
    said = {"name": "waves", "golden": found["golden"]}
    assert client.post(f"/api/imports/{found['id']}", json=said).status_code == 201
    listed = client.get("/api/directions?generator=waves").json()["directions"]
    assert {one["id"]: one["origin"] for one in listed} == dict.fromkeys(
        ("exact_shift_x", "exact_shift_y", "exact_rotate"), "exact"
    )
    pictures = [
        client.post("/api/render", json={"generator": "waves", "base": {"seed": 1}, "amounts": amounts}).content
        for amounts in ({}, {"exact_shift_x": 4.0}, {"exact_rotate": 20.0})
    ]
    assert len(set(pictures)) == 3
