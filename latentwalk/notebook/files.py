"""Directions as files."""

from __future__ import annotations

from pathlib import Path

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import SUFFIX, from_bytes, to_bytes
from latentwalk.directions.direction_folder import read_file
from latentwalk.errors import Invalid, unreadable
from models import atomic_files


def save_direction(direction: Direction, path: str | Path) -> Path:
    """Write a direction as a .safetensors file and return its path. A folder gets a file named after the direction.

    The page and the command accept the file: `latentwalk sliders import FILE`. Raises Invalid for another extension,
    StorageFailed where the disk fails.
    """
    target = Path(path)
    target = target / f"{direction.id}{SUFFIX}" if target.is_dir() else target
    if target.suffix != SUFFIX:
        raise Invalid(f"“{target.name}” does not end in {SUFFIX}.", f"Name it {target.stem or direction.id}{SUFFIX}.")
    atomic_files.write(target, to_bytes(direction))
    return target


def load_direction(path: str | Path) -> Direction:
    """The direction in a file. Raises NotFound where the file cannot be read, Invalid where it holds no direction."""
    target = Path(path)
    try:
        return from_bytes(read_file(target), target.name)
    except OSError as error:
        raise unreadable(target, error) from error
