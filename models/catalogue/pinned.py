"""The zoo: which generators there are, where their pinned weights lie, and how an entry becomes a Generator."""

from __future__ import annotations

import hashlib
import importlib.metadata
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from models.base import Card, Entry, Generator, GeneratorSpec, Origin
from models.catalogue.local import WEIGHTS
from models.errors import ModelFailed, NotFound
from models.generators.registry import build


@cache
def entries() -> Mapping[str, Entry]:
    """Every entry of pinned.toml by name, in the file's order."""
    with Path(__file__).with_name("pinned.toml").open("rb") as file:
        return {name: _entry(name, row) for name, row in tomllib.load(file).items()}


def find(name: str) -> Entry:
    """The entry of that name; NotFound names those that exist."""
    if name not in entries():
        raise NotFound(f"There is no generator “{name[:60]}”.", f"There are {', '.join(entries())}.")
    return entries()[name]


def is_installed(entry: Entry, folder: Path) -> bool:
    """Whether the entry's weights are at hand: in its distribution, or pulled into `folder`/NAME."""
    if entry.origin.kind == "wheel":
        return (folder / entry.spec.name / WEIGHTS).is_file()
    try:
        return importlib.metadata.version(entry.origin.distribution) == entry.origin.version
    except importlib.metadata.PackageNotFoundError:
        return False


def load(name: str, folder: Path, device: torch.device | str = "cpu") -> Generator:
    """The named generator, its weights checked against the zoo's fingerprint. `folder` holds pulled ones."""
    entry = find(name)
    state = _installed_state(entry) if entry.origin.kind == "installed" else _pulled_state(entry, folder)
    return build(entry.spec, state, device, f"Fetch them again: latentwalk pull {name}")


def read_state(path: Path, key: str) -> dict[str, Tensor]:
    """Tensors of a torch file, read with `weights_only`: no code inside it is run. `key` picks a nested dict."""
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
        state = stored[key] if key else stored
        return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    except Exception as error:  # torch.load raises whatever the file's damage leads to
        reason = str(error)[:120].rstrip(".")
        raise ModelFailed(f"The weights in {path.name} cannot be read: {reason}.", "Fetch them again.") from error


def _installed_state(entry: Entry) -> dict[str, Tensor]:
    # The distribution is looked up, never imported: importing it would run its code and load its model.
    origin = entry.origin
    if not is_installed(entry, Path()):
        raise ModelFailed(f"{entry.spec.name} needs {origin.requirement}.", f"Run: pip install {origin.requirement}")
    path = Path(str(importlib.metadata.distribution(origin.distribution).locate_file(origin.member)))
    if not path.is_file():
        raise ModelFailed(f"{origin.requirement} is installed without its weights.", "Install it again.")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != origin.sha256:
            raise ModelFailed(f"The weights inside {origin.requirement} were changed.", "Install it again.")
    return read_state(path, origin.state_key)


def _pulled_state(entry: Entry, folder: Path) -> dict[str, Tensor]:
    name = entry.spec.name
    path = folder / name / WEIGHTS
    if not path.is_file():
        raise NotFound(f"{name} has not been fetched yet.", f"Run: latentwalk pull {name}")
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelFailed(f"The weights of {name} cannot be read: {error}.", f"Run: latentwalk pull {name}") from error


def _entry(name: str, row: Mapping[str, Any]) -> Entry:
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
    return Entry(spec, Origin(**row["origin"]))
