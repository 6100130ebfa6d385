"""A dropped file is identified by its first bytes: what it is, and what the page can open it as."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from latentwalk.directions.direction_file import to_bytes
from models.importing.file_formats import HEAD
from models.specs import GeneratorSpec
from tests.conftest import slider
from tests.onnx_files import model_bytes


def image(format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format)
    return file.getvalue()


def torch_file() -> bytes:
    file = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, file)
    return file.getvalue()


def array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def identify(client: TestClient, data: bytes, size: int | None = None) -> dict:
    answer = client.post(f"/api/files/identify?size={len(data) if size is None else size}", content=data[:HEAD])
    assert answer.status_code == 200, answer.text
    return answer.json()


FILES = {
    "png": (image("PNG"), ["recipe"]),
    "jpeg": (image("JPEG"), ["recipe"]),
    "webp": (image("WEBP"), ["recipe"]),
    "onnx": (model_bytes([]), ["regressor", "generator"]),
    "torch_zip": (torch_file(), ["external_directions", "generator"]),
    "npy": (array(), ["external_directions"]),
    "text": (b"seed,score\n1,2\n", ["ratings"]),
    "json": (json.dumps({"generator": "eyes"}).encode(), ["recipe"]),
    "flac": (b"fLaC" + bytes(40), ["audio"]),
    "pdf": (b"%PDF-1.7", []),
    "unknown": (bytes(range(128, 200)), []),
}


@pytest.mark.parametrize("format", FILES)
def test_a_file_is_identified_by_its_bytes(client: TestClient, format: str) -> None:
    data, uses = FILES[format]
    found = identify(client, data)
    assert (found["format"], found["uses"]) == (format, uses)
    assert found["description"]
    assert bool(found["hint"]) is not bool(uses)


def test_an_image_is_known_by_its_media_type(client: TestClient) -> None:
    assert [identify(client, image(format))["media_type"] for format in ("PNG", "JPEG", "WEBP")] == [
        "image/png",
        "image/jpeg",
        "image/webp",
    ]


def test_a_direction_of_latentwalk_is_told_from_other_safetensors_files(
    client: TestClient, eyes_spec: GeneratorSpec
) -> None:
    assert identify(client, to_bytes(slider(eyes_spec)))["uses"] == ["direction"]


def test_only_the_beginning_of_a_large_file_is_needed(client: TestClient) -> None:
    direction = torch_file()
    assert identify(client, direction + bytes(HEAD), size=2**40)["format"] == "torch_zip"


def test_a_program_comes_with_the_advice_to_export_it(client: TestClient) -> None:
    assert "torch.onnx.export" in identify(client, bytes(4) + b"ET12" + bytes(8))["hint"]


def test_more_than_the_first_mebibyte_is_refused(client: TestClient) -> None:
    assert client.post("/api/files/identify?size=1", content=bytes(HEAD + 1)).status_code == 413


@pytest.mark.parametrize("size", ["", "x", "-1"])
def test_the_size_must_be_a_number(client: TestClient, size: str) -> None:
    assert client.post(f"/api/files/identify?size={size}", content=b"abc").status_code == 422
