"""Checkpoints outlive the process, two of each stage, and a damaged one is passed over."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import torch

from latentwalk.errors import DiskFull
from latentwalk.steering.learning.resume_state import SavedStage
from server.jobs.checkpoints import Checkpoint, Checkpoints


def step(number: int) -> SavedStage:
    return SavedStage({"walk": torch.full((3,), float(number)), "count": torch.tensor(number)}, {"step": number})


def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    memory = Checkpoint(tmp_path)
    memory.put("line", step(20))
    memory.put("twin_line", step(7))
    memory.put("line", step(40))
    again = Checkpoint(tmp_path)
    line, twin = again.get("line"), again.get("twin_line")
    assert line is not None
    assert twin is not None
    assert (line.facts["step"], twin.facts["step"], again.mark) == (40, 7, 3)
    assert line.tensors["walk"].tolist() == [40.0] * 3
    assert line.tensors["count"].item() == 40
    assert again.get("path") is None


def test_two_generations_are_kept(tmp_path: Path) -> None:
    memory = Checkpoint(tmp_path)
    for number in range(5):
        memory.put("line", step(number))
    assert len(list(tmp_path.iterdir())) == 2
    assert memory.mark == 5


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + b"?", lambda data: b""])
def test_a_damaged_checkpoint_is_passed_over(damage, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = Checkpoint(tmp_path)
    memory.put("line", step(20))
    memory.put("line", step(40))
    newest = max(tmp_path.iterdir())
    newest.write_bytes(damage(newest.read_bytes()))
    with caplog.at_level(logging.WARNING):
        found = Checkpoint(tmp_path).get("line")
    assert found is not None
    assert found.facts["step"] == 20
    assert "damaged" in caplog.text
    min(tmp_path.iterdir()).write_bytes(b"too")
    assert Checkpoint(tmp_path).get("line") is None


def test_a_full_disk_keeps_the_checkpoints_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Checkpoint(tmp_path)
    memory.put("line", step(20))

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(DiskFull):
            memory.put("line", step(40))
    found = Checkpoint(tmp_path).get("line")
    assert found is not None
    assert found.facts["step"] == 20
    memory.put("line", step(40))
    assert Checkpoint(tmp_path).get("line").facts["step"] == 40  # type: ignore[union-attr]


def test_time_goes_on_from_where_it_was(tmp_path: Path) -> None:
    memory = Checkpoint(tmp_path)
    memory.earlier_seconds = 100.0
    memory.put("line", step(20))
    assert Checkpoint(tmp_path).seconds > 100


def test_a_choice_that_was_made_is_kept(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path).decide_once("judge", lambda: "bf16") == "bf16"
    assert Checkpoint(tmp_path).decide_once("judge", lambda: "fp32") == "bf16"


def test_jobs_that_are_over_are_swept_away(tmp_path: Path) -> None:
    every = Checkpoints(tmp_path)
    for job in ("j-1", "j-2"):
        every.open(job).put("line", step(1))
    assert every.delete_others({"j-2"}) == ["j-1"]
    assert every.open("j-2").mark == 1
    every.delete("j-2")
    assert not list(tmp_path.iterdir())
