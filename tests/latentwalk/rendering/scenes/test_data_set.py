"""Data sets of scenes: what the command writes can be read, resumed and added to, and is not mixed with another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.rendering.scenes import TOYS, data_set, render
from latentwalk.rendering.scenes.variability import datasheet, draw
from server.cli.main import main


def write(folder: Path, count: int, **settings: int) -> dict[str, object]:
    return finish(data_set.write(folder, count, size=16, **settings))


def test_every_picture_is_its_scenes_and_the_numbers_lie_beside_it(tmp_path: Path) -> None:
    assert write(tmp_path, 13)["rendered"] == 13
    found = list(data_set.read(tmp_path))
    assert [scene for _, scene in found] == [draw(index) for index in range(13)]
    path, scene = found[12]
    assert path == tmp_path / TOYS[0] / "000012.png"
    pixels = np.asarray(Image.open(path))
    expected = ((render([scene], 16)[0] + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, expected)
    assert json.loads((tmp_path / "datasheet.json").read_text()) == {"seed": 0, "size": 16, **datasheet()}


def test_an_interrupted_set_is_completed_and_a_larger_one_adds_to_it(tmp_path: Path) -> None:
    write(tmp_path, 4)
    (tmp_path / "cube" / "000001.png").unlink()
    assert write(tmp_path, 6)["rendered"] == 3
    assert write(tmp_path, 2, first=6) == {"folder": str(tmp_path), "pictures": 8, "rendered": 2}


def test_another_seed_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(Invalid, match="another data set"):
        write(tmp_path, 1, seed=1)


def test_a_folder_without_a_data_set_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        list(data_set.read(tmp_path))
    assert "latentwalk scenes" in refused.value.hint


def test_the_command_writes_a_data_set(tmp_path: Path) -> None:
    asked = ["scenes", "--count", "2", "--out", str(tmp_path / "toys"), "--size", "16", "--json"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pictures"] == 2
    assert len(list((tmp_path / "toys").rglob("*.png"))) == 2
