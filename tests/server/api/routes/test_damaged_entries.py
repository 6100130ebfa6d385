"""A damaged entry takes no list down: it is listed as damaged with its id, and can be deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import safetensors.torch
from starlette.testclient import TestClient

from latentwalk.directions.direction_file import KEY, to_bytes
from models.catalogue import local
from models.specs import GeneratorSpec
from server.ops import doctor
from server.storage.learned_directions import LearnedDirections


def with_name(data: bytes, name: str) -> bytes:
    """A direction file with another name in its header, as an earlier version would have stored it."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
    return safetensors.torch.save(safetensors.torch.load(data), metadata={KEY: json.dumps({**header, "name": name})})


def test_a_damaged_direction_is_listed_found_by_the_doctor_and_deleted(
    home: Path,
    eyes_spec: GeneratorSpec,
    make_slider: Callable[..., Any],
    run_app: Callable[[Path], AbstractContextManager[TestClient]],
    monkeypatch: Any,
) -> None:
    good = to_bytes(make_slider(eyes_spec, "sway"))
    learned = LearnedDirections(home)
    learned._put("eyes", "sway", good, None)
    learned._put("eyes", "broken", with_name(to_bytes(make_slider(eyes_spec, "broken")), "a\ud800"), None)
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    assert "direction eyes/broken" in {check.name for check in doctor.examine() if check.state == "broken"}
    with run_app(home) as client:
        answer = client.get("/api/directions?generator=eyes")
        assert answer.status_code == 200
        assert "sway" in [direction["id"] for direction in answer.json()["directions"]]
        [damaged] = answer.json()["damaged"]
        assert damaged["id"] == "broken"
        assert "half of a surrogate pair" in damaged["reason"]
        assert client.delete("/api/directions/eyes/broken").status_code == 204
        assert client.get("/api/directions?generator=eyes").json()["damaged"] == []


def test_an_uploaded_direction_with_half_a_surrogate_pair_is_refused(
    client: TestClient, eyes_spec: GeneratorSpec, make_slider: Callable[..., Any]
) -> None:
    answer = client.post("/api/directions/upload", content=with_name(to_bytes(make_slider(eyes_spec)), "\ud800"))
    assert answer.status_code == 422
    assert "half of a surrogate pair (U+D800)" in answer.json()["error"]["message"]


def test_a_damaged_regressor_is_listed_and_deleted(
    home: Path, run_app: Callable[[Path], AbstractContextManager[TestClient]]
) -> None:
    folder = home / "regressors" / "cosy"
    folder.mkdir(parents=True)
    (folder / "regressor.json").write_text("{")
    with run_app(home) as client:
        listed = client.get("/api/regressors").json()
        assert listed["regressors"]
        assert [entry["id"] for entry in listed["damaged"]] == ["cosy"]
        assert client.delete("/api/regressors/cosy").status_code == 204
        assert client.get("/api/regressors").json()["damaged"] == []


def test_a_damaged_generator_is_listed_and_the_others_stay(
    home: Path, run_app: Callable[[Path], AbstractContextManager[TestClient]], described: Any
) -> None:
    local.save(home / "generators", *described)
    description = home / "generators" / described[0].name / "generator.json"
    stored = json.loads(description.read_text())
    description.write_text(json.dumps({**stored, "title": "\u202eevil"}))
    with run_app(home) as client:
        listed = client.get("/api/generators").json()
        assert "eyes" in [generator["name"] for generator in listed["generators"]]
        [damaged] = listed["damaged"]
        assert damaged["id"] == described[0].name
        assert "direction of text" in damaged["reason"]
