"""Directions in a folder of files: which files those are, whether a generator can use them, and in which order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from latentwalk.directions.direction import NAME, Direction
from latentwalk.directions.direction_file import LARGEST_FILE, SUFFIX, from_bytes
from latentwalk.errors import Invalid, LatentwalkError
from models.base import MOVES
from models.catalogue.local import ENCODER, WEIGHTS
from models.specs import GeneratorSpec

GROUPS = ("geometry", "colour", "attributes", "discovered")

log = logging.getLogger(__name__)


def direction_files(folder: Path) -> list[Path]:
    """The direction files in a folder, which may also hold the files of a generator."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.name not in (WEIGHTS, ENCODER))


def read_file(path: Path) -> bytes:
    """The bytes of a direction file. Raises Invalid where it is too large to be one, OSError where it is unreadable."""
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise Invalid(f"{path.name} is larger than {LARGEST_FILE >> 20} MiB.", "It is not a direction.")
    return data


def read_folder(folder: Path, spec: GeneratorSpec) -> dict[str, Direction]:
    """Every direction in a folder that a generator can use, by id. Others are logged and left out."""
    directions = {}
    for path in direction_files(folder):
        try:
            directions[path.stem] = parse_direction(path.stem, read_file(path), spec)
        except (LatentwalkError, OSError) as error:
            log.warning("Skipped a direction of %s: %s", spec.name, error)
    return directions


def parse_direction(id: str, data: bytes, spec: GeneratorSpec) -> Direction:
    """The direction `id` in a file's bytes. Raises Invalid where they hold none, another one, or an unusable one."""
    direction = from_bytes(data, f"{id}{SUFFIX}")
    check_usable(direction, spec)
    if direction.id != id:
        raise Invalid(f"{id}{SUFFIX} holds a direction called {direction.id}.", "Rename the file.")
    return direction


def check_usable(direction: Direction, spec: GeneratorSpec) -> None:
    """Raise Invalid for a well-formed direction that cannot steer this generator, or whose numbers are inconsistent."""
    direction.check(spec)
    width = MOVES if direction.space == "move" else spec.spaces.get(direction.space, (0,))[-1]
    try:
        if direction.space == "move" and not spec.exact:
            raise ValueError(f"{spec.name} has no exact moves")
        if direction.space != "s" and any(tensor.shape[-1] != width for tensor in direction.walk.tensors().values()):
            raise ValueError(f"its vectors are not of width {width}, the width of the latents")
        if direction.walk.kind in ("arc", "fan"):
            count = len(direction.walk.tensors()["vectors"])
            if count not in (1, len(spec.classes)):
                raise ValueError(f"it has vectors for {count} classes, {spec.name} has {len(spec.classes)}")
        if direction.layers is not None and not 0 <= direction.layers[0] < direction.layers[1] <= spec.layers:
            raise ValueError(f"it acts on layers that {spec.name} does not have")
        for amount in (*direction.track, *direction.range, direction.unit.neutral):
            direction.steps(amount)
        if direction.step <= 0 or not NAME.fullmatch(direction.id):
            raise ValueError("its track has no length")
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Invalid(f"“{direction.name[:60]}” cannot be used: {error}.", "Learn it again.") from None


def in_slider_order(directions: Iterable[Direction], transforms: Sequence[str]) -> Mapping[str, Direction]:
    """Directions by id in the order of the page: by group, then by transform as declared, then the others by id."""
    declared = {name: number for number, name in enumerate(transforms)}

    def key(direction: Direction) -> tuple[int, int, str]:
        group = GROUPS.index(direction.group) if direction.group in GROUPS else len(GROUPS)
        transform = str(direction.settings.get("transform", ""))
        return group, declared.get(transform, len(declared)), direction.id

    return MappingProxyType({direction.id: direction for direction in sorted(directions, key=key)})
