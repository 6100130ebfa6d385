"""Generators kept in folders: what is written is read back, and damage is one sentence."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

from models.catalogue import local
from models.errors import ModelFailed
from models.specs import GeneratorSpec

Described = tuple[GeneratorSpec, dict[str, torch.Tensor]]


def test_what_was_kept_is_found_and_makes_the_same_pictures(tmp_path: Path, described: Described, layered) -> None:
    spec, state = described
    local.save(tmp_path, spec, state)
    (name, entry), *more = local.entries(tmp_path)[0].items()
    assert (name, more) == ("styled", [])
    assert entry.spec == spec
    assert entry.spec.space == "w"
    again = local.load(entry)
    latents = layered.map(layered.sample([1]), torch.eye(3)[:1])
    assert torch.equal(again.synthesize(latents, None), layered.synthesize(latents, None))


def test_keeping_leaves_what_else_lies_there_and_no_scratch(tmp_path: Path, described: Described) -> None:
    (tmp_path / "styled").mkdir()
    (tmp_path / "styled" / "zoom.safetensors").write_bytes(b"a direction")
    local.save(tmp_path, *described)
    local.save(tmp_path, *described)
    assert {path.name for path in tmp_path.iterdir()} == {"styled"}
    assert {path.name for path in (tmp_path / "styled").iterdir()} == {
        "zoom.safetensors", "generator.json", "weights.safetensors",
    }  # fmt: skip


def test_changed_weights_are_refused(tmp_path: Path, described: Described) -> None:
    spec, state = described
    local.save(tmp_path, spec, {**state, "synthesis.start": state["synthesis.start"] + 1})
    with pytest.raises(ModelFailed, match="not the ones described"):
        local.load(local.read_entry(tmp_path / "styled"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"resolution": "large"}, "wrong at resolution"),
        ({"card": None}, "wrong at card"),
        ({"name": "other"}, "describes other"),
    ],
)
def test_a_damaged_description_is_one_sentence_and_hides_only_itself(
    tmp_path: Path, described: Described, change: dict[str, object], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    local.save(tmp_path, *described)
    path = tmp_path / "styled" / "generator.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelFailed, match=said) as error:
        local.read_entry(tmp_path / "styled")
    assert str(error.value).endswith(".")
    with caplog.at_level(logging.WARNING):
        assert local.entries(tmp_path)[0] == {}
    assert said in caplog.text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_description_is_refused(tmp_path: Path, described: Described, content: bytes) -> None:
    local.save(tmp_path, *described)
    (tmp_path / "styled" / "generator.json").write_bytes(content)
    with pytest.raises(ModelFailed):
        local.read_entry(tmp_path / "styled")


def test_a_family_without_code_says_so(tmp_path: Path, described: Described) -> None:
    local.save(tmp_path, *described)
    path = tmp_path / "styled" / "generator.json"
    path.write_text(path.read_text().replace("stylegan2", "stylegan9"))
    with pytest.raises(ModelFailed, match="has no code for stylegan9"):
        local.load(local.read_entry(tmp_path / "styled"))
