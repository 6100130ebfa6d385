"""The installed generators and their directions: those that ship with the program and those that were learned here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from latentwalk.directions.direction import Direction, short_fingerprint
from latentwalk.directions.direction_file import from_bytes
from latentwalk.directions.direction_folder import check_usable, in_slider_order, parse_direction, read_folder
from latentwalk.edit import Edit
from latentwalk.errors import Conflict, Invalid, LatentwalkError, NotFound
from latentwalk.steering.exact_moves import exact_directions
from latentwalk.steering.transforms import transforms
from models import atomic_files
from models.base import Generator
from models.catalogue import download
from models.catalogue.installed import BUNDLED, GeneratorCatalogue, modified_ns
from models.catalogue.local import DATA_COVERAGE
from models.specs import CatalogueEntry, GeneratorSpec
from server.storage.db.database import Database
from server.storage.learned_directions import LearnedDirections, Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _GeneratorDirections:
    # What `Library` caches for one generator; `modified` are the modification times of the two folders, and `damaged`
    # says of each direction that cannot be used why.
    modified: tuple[int, int]
    directions: Mapping[str, Direction]
    learned: frozenset[str]
    damaged: Mapping[str, str]


class Library:
    """Generators and directions on disk, cached by the folders' modification times: other processes may write too."""

    def __init__(self, home: Path, bundled: Path = BUNDLED, first: str = "", database: Database | None = None) -> None:
        self.home, self.bundled, self.first = home, bundled, first
        self.learned = LearnedDirections(home, database)
        self._generators = GeneratorCatalogue(home / "generators", bundled)
        self._cache: dict[str, _GeneratorDirections] = {}

    # Generators

    def entries(self) -> Mapping[str, CatalogueEntry]:
        """Every generator by name, `first` first, then in the order of `GeneratorCatalogue`."""
        entries = self._generators.entries()
        if self.first not in entries:
            return entries
        return {self.first: entries[self.first], **entries}

    def damaged_generators(self) -> Mapping[str, str]:
        """The stored generators that cannot be used: why, by name."""
        return self._generators.damaged()

    def entry(self, name: str) -> CatalogueEntry:
        """One generator's entry; NotFound, which lists the existing ones, when there is none."""
        return self._generators.entry(name)

    def spec(self, name: str) -> GeneratorSpec:
        """One generator's specification."""
        return self.entry(name).spec

    def is_installed(self, name: str) -> bool:
        """Whether a generator's weights are on this machine."""
        return self._generators.is_installed(name)

    def load(self, name: str, device: torch.device | str = "cpu") -> Generator:
        """Load a generator onto `device`. NotFound when it was not fetched yet, ModelFailed for damaged files."""
        return self._generators.load(name, device)

    def pull(self, name: str, report: Callable[[float, str], None]) -> None:
        """Fetch a generator's weights. `report` receives the share done and a message, and may raise to stop."""
        entry, folder = self.entry(name), self.home / "generators"
        if self.is_installed(name):
            raise Conflict(f"{entry.spec.title} is installed already.", "There is nothing to download.")
        try:
            download.fetch_weights(entry, folder, report)
        except OSError as error:
            raise atomic_files.storage_error(folder / name, error) from error

    def encoder(self, name: str) -> Path | None:
        """The file of the encoder that inverts pictures for a generator, None when it has none."""
        return self._generators.encoder(name)

    def data_coverage(self, name: str) -> Mapping[str, Any]:
        """The data coverage of a generator, by transform: what each class reaches beside how much its data varies."""
        origin = self.entry(name).origin
        path = Path(origin.member) / DATA_COVERAGE
        if origin.kind != "folder" or not path.is_file():
            return {}
        try:
            coverage = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("Skipped the data coverage of %s: %s", name, error)
            return {}
        return coverage if isinstance(coverage, dict) else {}

    # Directions

    def directions(self, generator: str) -> Mapping[str, Direction]:
        """The usable directions of a generator by id, ordered by group. Learned ones hide bundled ones."""
        return self._load_directions(generator).directions

    def damaged(self, generator: str) -> Mapping[str, str]:
        """The stored directions of a generator that cannot be used: why, by id."""
        return self._load_directions(generator).damaged

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
        """Delete a learned or damaged direction; a bundled one with its id becomes visible again.

        Conflict for a bundled one.
        """
        damaged = id in self.damaged(generator)
        if not damaged:
            self.direction(generator, id)
        if not damaged and not self.is_learned(generator, id):
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
        modified = (modified_ns(bundled), modified_ns(self.learned.folder(generator)))
        cached = self._cache.get(generator)
        if cached is not None and cached.modified == modified:
            return cached
        spec = self.spec(generator)
        learned, damaged = _usable(self.learned.sources(generator), spec)
        exact = {direction.id: direction for direction in exact_directions(spec)}
        merged = {**exact, **read_folder(bundled, spec), **learned}
        directions = in_slider_order(merged.values(), list(transforms()))
        self._cache[generator] = _GeneratorDirections(modified, directions, frozenset(learned), damaged)
        return self._cache[generator]


def _usable(sources: Iterable[Source], spec: GeneratorSpec) -> tuple[dict[str, Direction], dict[str, str]]:
    directions, damaged = {}, {}
    for id, read in sources:
        try:
            directions[id] = parse_direction(id, read(), spec)
        except (LatentwalkError, OSError) as error:
            log.warning("Skipped the direction “%s” of %s: %s", id, spec.name, error)
            damaged[id] = str(error)
    return directions, damaged
