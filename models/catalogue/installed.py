"""Every generator that this machine can open, whether bundled, pinned, from a plugin or stored in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

import models
from models.base import Generator
from models.catalogue import local, pinned, plugins
from models.errors import NotFound
from models.specs import CatalogueEntry

BUNDLED = Path(models.__file__).parent / "bundled"


class GeneratorCatalogue:
    """The generators that ship with the program, that packages provide, and that are stored in `folder`.

    `folder` holds downloaded, imported and trained generators; None leaves them out. Entries are cached by the
    modification times of the two folders, so that other processes may write to them.
    """

    def __init__(self, folder: Path | None = None, bundled: Path = BUNDLED) -> None:
        self.folder, self.bundled = folder, bundled
        self._cache: tuple[tuple[int, int], Mapping[str, CatalogueEntry], Mapping[str, str]] | None = None

    def entries(self) -> Mapping[str, CatalogueEntry]:
        """Every generator by name: bundled and pinned ones, installed or not, then those of plugins and `folder`.

        Where two have the same name, a bundled or pinned one wins, then one in `folder`.
        """
        return self._read()[0]

    def damaged(self) -> Mapping[str, str]:
        """The generators in `folder` that cannot be used: why, by the name of their folder."""
        return self._read()[1]

    def _read(self) -> tuple[Mapping[str, CatalogueEntry], Mapping[str, str]]:
        modified = (modified_ns(self.bundled), 0 if self.folder is None else modified_ns(self.folder))
        if self._cache is None or self._cache[0] != modified:
            bundled, _ = local.entries(self.bundled)
            stored, faults = ({}, {}) if self.folder is None else local.entries(self.folder)
            fixed = {**bundled, **pinned.entries()}
            others = {name: one for name, one in {**plugins.entries(), **stored}.items() if name not in fixed}
            self._cache = modified, {**fixed, **others}, faults
        return self._cache[1], self._cache[2]

    def entry(self, name: str) -> CatalogueEntry:
        """One generator's entry. NotFound lists the names that exist."""
        entry = self.entries().get(name)
        if entry is None:
            raise NotFound(f"There is no generator “{name[:60]}”.", f"There are {', '.join(self.entries())}.")
        return entry

    def is_installed(self, name: str) -> bool:
        """Whether the weights of a generator are on this machine."""
        entry = self.entry(name)
        return entry.origin.kind in ("folder", "adapter") or pinned.is_installed(entry, self._downloads)

    def load(self, name: str, device: torch.device | str = "cpu") -> Generator:
        """A generator on a device. NotFound if it was not downloaded yet, ModelFailed if its weights are damaged."""
        entry = self.entry(name)
        if entry.origin.kind == "folder":
            return local.load(entry, device)
        if entry.origin.kind == "adapter":
            return plugins.load(entry, device)
        if entry.origin.kind == "wheel" and not self.is_installed(name):
            raise NotFound(f"{entry.spec.title} ({name}) is not downloaded yet.", f"Run: latentwalk pull {name}")
        return pinned.load(name, self._downloads, device)

    def encoder(self, name: str) -> Path | None:
        """The file of the encoder that inverts images for a generator; None if it has none."""
        origin = self.entry(name).origin
        path = Path(origin.member) / local.ENCODER
        return path if origin.kind == "folder" and path.is_file() else None

    @property
    def _downloads(self) -> Path:
        return self.folder or Path()


def modified_ns(folder: Path) -> int:
    """The modification time of a folder in nanoseconds, 0 if it does not exist."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
