"""Importing a stranger's generator: opened in the jail, tried, and kept in the library with its passport."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from latentwalk.directions.direction import check_id
from latentwalk.errors import Conflict, Invalid, LatentwalkError, refusal
from models import atomic_files
from models.catalogue import local
from models.importing.open_checkpoint import (
    OpenedCheckpoint,
    first_picture,
    golden_hash,
    open_checkpoint,
    try_generator,
)
from models.importing.passport import Passport
from models.specs import GeneratorSpec
from server.storage.library import Library

PASSPORT = "passport.json"


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointPreview:
    """A checkpoint that was opened and made a picture; nothing of it is kept yet.

    `golden` is the sha256 of the 8-bit `picture` [C, H, W] of seed 0: the same file gives the same one, anywhere.
    """

    opened: OpenedCheckpoint
    spec: GeneratorSpec
    golden: str
    picture: Tensor

    @property
    def passport(self) -> Passport:
        return self.opened.passport

    def view(self) -> dict[str, Any]:
        """The passport as JSON, with the golden hash and the fingerprint of what would be kept."""
        return {
            "name": self.spec.name,
            "title": self.spec.title,
            **asdict(self.passport),
            "golden": self.golden,
            "fingerprint": self.spec.fingerprint,
        }


def preview_checkpoint(
    path: Path, name: str, year: int, *, title: str = "", card: Mapping[str, str] | None = None, unlocked: bool = False,
    called: str = "",
) -> CheckpointPreview:  # fmt: skip
    """Open the checkpoint at `path` and try it as a generator called `name`; nothing is kept.

    `card` fills in what a file seldom says: licence, data, data_licence, shows_badly. Invalid, with a sentence,
    for whatever is not a whole checkpoint of a known family; it names the file, or what it is `called`.
    """
    check_id(name)
    if not path.exists():
        raise Invalid(f"There is no file {path.name}.", "Check the path.")
    try:
        opened = open_checkpoint(path, unlocked=unlocked)
        spec = opened.described(name, year, title)
        words: dict[str, Any] = {part: text for part, text in (card or {}).items() if text}
        spec = replace(spec, card=replace(spec.card, **words))
        generator, golden = try_generator(opened, spec)
    except LatentwalkError as error:
        raise refusal(called or path.name, error) from error
    return CheckpointPreview(opened, spec, golden, first_picture(generator))


def keep_checkpoint(library: Library, found: CheckpointPreview) -> Path:
    """Keep what was found in the library as safetensors, a description and the passport; its folder.

    The same file may be kept again under its name; Conflict where another generator has it already.
    """
    name = found.spec.name
    before = library.entries().get(name)
    if before is not None and before.spec.fingerprint != found.spec.fingerprint:
        raise Conflict(f"There is a generator {name} already, of other weights.", "Import it under another --name.")
    if before is not None and before.origin.kind != "folder":
        raise Conflict(f"There is a generator {name} already.", "Import it under another --name.")
    folder = library.home / "generators"
    try:
        target = local.save(folder, found.spec, found.opened.state).parent
    except OSError as error:
        raise atomic_files.storage_error(folder / name, error) from error
    atomic_files.write(target / PASSPORT, (json.dumps(found.view(), indent=2, ensure_ascii=False) + "\n").encode())
    return target


def golden_now(library: Library, name: str) -> str:
    """The golden hash of a kept generator, drawn anew: another one than its passport's means that it changed."""
    return golden_hash(library.load(name))
