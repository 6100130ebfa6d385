"""The generators that Latentwalk offers by itself: pinned.toml lists them with their wheels, hashes and cards."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from models.base import Generator
from models.catalogue.hashing import file_sha256
from models.catalogue.local import WEIGHTS
from models.errors import ModelFailed, NotFound
from models.generators.registry import build
from models.specs import Card, CatalogueEntry, GeneratorSpec, WeightsOrigin


@cache
def entries() -> Mapping[str, CatalogueEntry]:
    """Every entry of pinned.toml by name, in the order of the file."""
    with Path(__file__).with_name("pinned.toml").open("rb") as file:
        return {name: _entry(name, row) for name, row in tomllib.load(file).items()}


def find(name: str) -> CatalogueEntry:
    """The entry with this name. NotFound lists the names that exist."""
    if name not in entries():
        raise NotFound(f"There is no generator “{name[:60]}”.", f"There are {', '.join(entries())}.")
    return entries()[name]


def is_installed(entry: CatalogueEntry, folder: Path) -> bool:
    """True if the weights are available: in the installed distribution, or downloaded into `folder`/NAME."""
    if entry.origin.kind == "wheel":
        return (folder / entry.spec.name / WEIGHTS).is_file()
    try:
        return importlib.metadata.version(entry.origin.distribution) == entry.origin.version
    except importlib.metadata.PackageNotFoundError:
        return False


def load(name: str, folder: Path, device: torch.device | str = "cpu") -> Generator:
    """The generator with this name on a device; `folder` holds the downloaded ones.

    NotFound if it is unknown or not downloaded yet, ModelFailed if its weights are damaged or not the pinned ones.
    """
    entry = find(name)
    state = _installed_state(entry) if entry.origin.kind == "installed" else _downloaded_state(entry, folder)
    return build(entry.spec, state, device, f"Fetch them again: latentwalk pull {name}")


def read_state(path: Path, key: str) -> dict[str, Tensor]:
    """The tensors of a torch file, read with `weights_only`: no code in it runs. `key` selects a nested dict."""
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
        state = stored[key] if key else stored
        return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    except Exception as error:  # a damaged file makes torch.load raise anything
        reason = str(error)[:120].rstrip(".")
        raise ModelFailed(f"The weights in {path.name} cannot be read: {reason}.", "Fetch them again.") from error


def _installed_state(entry: CatalogueEntry) -> dict[str, Tensor]:
    # The distribution is located, never imported: importing it would run its code and load its model.
    origin = entry.origin
    if not is_installed(entry, Path()):
        raise ModelFailed(f"{entry.spec.name} needs {origin.requirement}.", f"Run: pip install {origin.requirement}")
    path = Path(str(importlib.metadata.distribution(origin.distribution).locate_file(origin.member)))
    if not path.is_file():
        raise ModelFailed(f"{origin.requirement} is installed without its weights.", "Install it again.")
    if file_sha256(path) != origin.sha256:
        raise ModelFailed(f"The weights inside {origin.requirement} were changed.", "Install it again.")
    return read_state(path, origin.state_key)


def _downloaded_state(entry: CatalogueEntry, folder: Path) -> dict[str, Tensor]:
    name = entry.spec.name
    path = folder / name / WEIGHTS
    if not path.is_file():
        raise NotFound(f"{name} is not downloaded yet.", f"Run: latentwalk pull {name}")
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelFailed(f"The weights of {name} cannot be read: {error}.", f"Run: latentwalk pull {name}") from error


def _entry(name: str, row: Mapping[str, Any]) -> CatalogueEntry:
    spec = GeneratorSpec(
        name=name,
        title=row["title"],
        family=row["family"],
        resolution=row["resolution"],
        channels=row["channels"],
        spaces={"z": (row["z"],)},
        layers=1,
        classes=tuple(row["classes"]),
        default_classes=row["default_classes"],
        fingerprint=row["fingerprint"],
        card=Card(**row["card"]),
    )
    return CatalogueEntry(spec, WeightsOrigin(**row["origin"]))
