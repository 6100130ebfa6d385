"""Import a checkpoint as a generator: read in the sandbox, tried, and kept in the library with its passport."""

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
from models.importing.onnx.generators import GraphOptions
from models.importing.open_checkpoint import (
    OpenedCheckpoint,
    draw_first,
    golden_hash,
    open_checkpoint,
)
from models.importing.passport import Passport
from models.specs import GeneratorSpec
from server.storage.library import Library

PASSPORT = "passport.json"


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointPreview:
    """A checkpoint that was opened and rendered an image; nothing of it is kept yet.

    `golden` is the SHA-256 of the 8-bit `picture` [C, H, W] of seed 0, which is the same on every machine.
    """

    opened: OpenedCheckpoint
    spec: GeneratorSpec
    golden: str
    picture: Tensor

    @property
    def passport(self) -> Passport:
        """What the file holds."""
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


def graph_options(range: str | None, classes: int | None, roles: Mapping[str, str]) -> GraphOptions | None:
    """What the owner of an ONNX graph says about it; None if nothing."""
    if range is None and classes is None and not roles:
        return None
    return GraphOptions(range or "", classes, dict(roles))


def preview_checkpoint(
    path: Path,
    name: str,
    year: int,
    *,
    title: str = "",
    card: Mapping[str, str] | None = None,
    unlocked: bool = False,
    file_name: str = "",
    graph: GraphOptions | None = None,
) -> CheckpointPreview:
    """Open the checkpoint at `path` and try it as a generator called `name`; nothing is kept.

    `graph` is what its owner says about an ONNX graph. `card` gives what a file seldom says: licence, data,
    data_licence, shows_badly. Raises Invalid for anything but a whole checkpoint of a known family; the message names
    the file as `file_name`, or by its path.
    """
    check_id(name, "generator")
    if not path.exists():
        raise Invalid(f"There is no file {path.name}.", "Check the path.")
    try:
        opened = open_checkpoint(path, unlocked=unlocked, graph=graph)
        spec = opened.spec(name, year, title)
        parts: dict[str, Any] = {part: text for part, text in (card or {}).items() if text}
        spec = replace(spec, card=replace(spec.card, **parts))
        picture = draw_first(opened, spec)
    except LatentwalkError as error:
        raise refusal(file_name or path.name, error) from error
    return CheckpointPreview(opened, spec, golden_hash(picture), picture)


def keep_checkpoint(library: Library, preview: CheckpointPreview) -> Path:
    """Keep a previewed checkpoint in the library: safetensors, description and passport. Returns its folder.

    The same weights may be imported again under their name, an ONNX graph with another range or other roles of its
    inputs, which makes other images and so another fingerprint; Conflict where another generator has the name.
    """
    name = preview.spec.name
    existing = library.entries().get(name)
    same_file = existing is not None and existing.spec.card.source == preview.spec.card.source
    is_regraph = preview.passport.graph is not None and same_file  # the same graph, taken in another way
    if existing is not None and not is_regraph and existing.spec.fingerprint != preview.spec.fingerprint:
        raise Conflict(
            f"There is a generator {name} already, with other weights.", "Import the file under another name."
        )
    if existing is not None and existing.origin.kind != "folder":
        raise Conflict(f"There is a generator {name} already.", "Import the file under another name.")
    folder = library.home / "generators"
    try:
        target = local.save(folder, preview.spec, preview.opened.state).parent
    except OSError as error:
        raise atomic_files.storage_error(folder / name, error) from error
    passport = json.dumps(preview.view(), indent=2, ensure_ascii=False) + "\n"
    atomic_files.write(target / PASSPORT, passport.encode())
    return target
