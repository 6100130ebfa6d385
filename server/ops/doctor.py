"""Checks whether this installation can work and whether its home is intact, and repairs the home."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from latentwalk.directions.direction import short_fingerprint
from latentwalk.directions.direction_folder import direction_files, parse_direction, read_file
from latentwalk.errors import LatentwalkError, os_reason
from latentwalk.rendering.device import pick_device
from models import atomic_files
from server.ops import repair as home_repair
from server.ops.check import Check
from server.settings import Settings
from server.storage.db.database import Database
from server.storage.library import Library
from server.storage.regressors import Regressors

ROOT = Path(__file__).parents[2]
LEAST_PYTHON = (3, 11)
LEAST_FREE = 500e6  # bytes: room for a generator and a few films


def examine() -> list[Check]:
    """Run every check, in the order in which problems should be solved."""
    try:
        settings = Settings.read()
    except LatentwalkError as error:
        return [_python(), Check("settings", "broken", str(error), error.hint)]
    database = Database.at(settings.home, settings.database)
    library = Library(settings.home, database=database)
    installation: list[Callable[[], Check]] = [_python, _torch, _torchvision, _page]
    return [
        *(check() for check in installation),
        _device(settings),
        _home(settings.home),
        _space(settings.home),
        *home_repair.examine(settings.home, database),
        *_generators(library),
        *_directions(library),
        *_regressors(settings.home),
    ]


def repair() -> list[Check]:
    """Repair the home and report what was done. Nothing may use the home meanwhile."""
    settings = Settings.read()
    return list(home_repair.repair(settings.home, Database.at(settings.home, settings.database)))


def _python() -> Check:
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info < LEAST_PYTHON:
        return Check("python", "broken", found, "Install Python 3.11 or newer.")
    return Check("python", "fine", found)


def _torch() -> Check:
    return Check("torch", "fine", f"{torch.__version__}, {torch.get_num_threads()} threads")


def _torchvision() -> Check:
    if importlib.util.find_spec("torchvision") is None:
        return Check("torchvision", "fine", "not installed, as intended")
    version = importlib.metadata.version("torchvision")
    return Check("torchvision", "note", f"{version} is installed; Latentwalk does not use it")


def _page() -> Check:
    missing = [name for name in ("static", "templates/explore.html") if not (ROOT / name).exists()]
    if missing:
        found = f"{' and '.join(missing)} missing from the installation"
        return Check("page", "broken", found, "Install Latentwalk again.")
    return Check("page", "fine", str(ROOT))


def _device(settings: Settings) -> Check:
    try:
        device = pick_device(settings.device)
    except LatentwalkError as error:
        return Check("device", "broken", str(error), error.hint)
    if device.type == "cpu":
        return Check("device", "fine", f"cpu, {os.cpu_count()} cores; bf16 is measured for each generator")
    bf16 = "with" if torch.cuda.is_bf16_supported() else "without"
    return Check("device", "fine", f"{device}, {torch.cuda.get_device_name(device)}, {bf16} bf16")


def _home(home: Path) -> Check:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return Check("home", "fine", f"{home} is writable")
    except OSError as error:
        return Check("home", "broken", f"{home}: {os_reason(error)}", "Set LATENTWALK_HOME to a writable folder.")


def _space(home: Path) -> Check:
    free = atomic_files.free_bytes(home)
    found = f"{free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        return Check("disk", "broken", found, "Free some space, or set LATENTWALK_HOME to another disk.")
    return Check("disk", "fine", found)


def _generators(library: Library) -> Iterator[Check]:
    for name, reason in library.damaged_generators().items():
        yield Check(f"generator {name}", "broken", reason, "Import it again, or delete its folder.")
    for name in library.entries():
        if not library.is_installed(name):
            yield Check(f"generator {name}", "note", f"not fetched; run latentwalk pull {name}")
            continue
        try:
            spec = library.load(name).spec
        except LatentwalkError as error:
            yield Check(f"generator {name}", "broken", str(error), error.hint)
        else:
            found = f"{spec.resolution} px, fingerprint matches ({short_fingerprint(spec.fingerprint)})"
            yield Check(f"generator {name}", "fine", found)


def _regressors(home: Path) -> Iterator[Check]:
    for name, reason in Regressors(home).damaged().items():
        yield Check(f"regressor {name}", "broken", reason, "Delete it on the page, or its folder.")


def _directions(library: Library) -> Iterator[Check]:
    for name, entry in library.entries().items():
        usable, broken = 0, []
        bundled = [(path.stem, lambda path=path: read_file(path)) for path in direction_files(library.bundled / name)]
        for id, read in (*bundled, *library.learned.sources(name)):
            try:
                parse_direction(id, read(), entry.spec)
                usable += 1
            except (LatentwalkError, OSError) as error:
                hint = "Learn it again, or delete it."
                broken.append(Check(f"direction {name}/{id}", "broken", str(error), hint))
        yield Check(f"directions of {name}", "fine", f"{usable} are usable")
        yield from broken
