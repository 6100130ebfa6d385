"""Writes rendered scenes as a data set: a folder of PNG files for each toy, the numbers of each, and the design."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.rendering.scenes.engine import render
from latentwalk.rendering.scenes.scene import NUMBERS, Scene
from latentwalk.rendering.scenes.variability import datasheet, draw
from models import atomic_files

NUMBERS_FILE, DATASHEET = "scenes.jsonl", "datasheet.json"
BATCH = 12


def write(folder: Path, count: int, *, seed: int = 0, first: int = 0, size: int = 128) -> Work[dict[str, Any]]:
    """Render scenes number `first` to `first + count - 1` into `folder`; those that are there already are kept.

    Each picture is TOY/NUMBER.png; `scenes.jsonl` has a line of JSON for each, in order, and `datasheet.json` what the
    numbers were drawn from. Invalid if the folder holds a data set with another seed or size.
    """
    design = {"seed": seed, "size": size, **datasheet()}
    if (folder / DATASHEET).is_file() and json.loads((folder / DATASHEET).read_text()) != design:
        raise Invalid(f"{folder} holds another data set.", "Choose an empty folder, or the same seed and size.")
    atomic_files.write(folder / DATASHEET, json.dumps(design, indent=1).encode())
    chosen = [(index, draw(index, seed)) for index in range(first, first + count)]
    missing = [(index, scene) for index, scene in chosen if not path(folder, index, scene).is_file()]
    for start in range(0, len(missing), BATCH):
        yield Progress(start / len(missing), f"{start:,} of {len(missing):,} pictures")
        batch = missing[start : start + BATCH]
        pictures = render([scene for _, scene in batch], size)
        for (index, scene), picture in zip(batch, pictures, strict=True):
            _save(path(folder, index, scene), picture)
    lines = dict(_lines(folder)) | {index: _line(index, scene) for index, scene in chosen}
    text = "".join(f"{lines[index]}\n" for index in sorted(lines))
    atomic_files.write(folder / NUMBERS_FILE, text.encode())
    return {"folder": str(folder), "pictures": len(lines), "rendered": len(missing)}


def path(folder: Path, index: int, scene: Scene) -> Path:
    """Where the picture of a scene lies."""
    return folder / scene.toy / f"{index:06d}.png"


def read(folder: Path) -> Iterator[tuple[Path, Scene]]:
    """The pictures of a data set with their scenes, in order. Invalid if the folder holds none."""
    if not (folder / NUMBERS_FILE).is_file():
        raise Invalid(f"{folder} holds no data set of scenes.", "Make one: latentwalk scenes --count 1000 --out DIR")
    for _, line in _lines(folder):
        record = json.loads(line)
        numbers = {name: float(record[name]) for name in NUMBERS}
        yield folder / record["file"], Scene(record["toy"], **numbers)


def _lines(folder: Path) -> Iterator[tuple[int, str]]:
    if (folder / NUMBERS_FILE).is_file():
        for line in (folder / NUMBERS_FILE).read_text().splitlines():
            yield int(json.loads(line)["index"]), line


def _line(index: int, scene: Scene) -> str:
    place = path(Path(), index, scene).as_posix()
    return json.dumps({"index": index, "file": place, **scene.parameters()})


def _save(path: Path, picture: torch.Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = ((picture + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0)
    part = path.with_suffix(".part")
    Image.fromarray(pixels.numpy()).save(part, "png")
    part.replace(path)
