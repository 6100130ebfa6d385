"""Which judges there are: built in, fetched, uploaded or made from ratings, with their cards and written reasons."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import safetensors.torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError

from latentwalk.directions.direction import check_id
from latentwalk.errors import Conflict, Invalid, ModelFailed, NotFound
from models import atomic_files
from models.regressors import catalogue, onnx
from models.regressors.protocol import Regressor, RegressorCard, RegressorSpec
from models.regressors.ratings_model import RatingsRegressor
from server.storage import sensitive_terms

DESCRIPTION = "regressor.json"
WEIGHTS = "weights.safetensors"
RATINGS = "ratings.json"
LONGEST = 2000
LARGEST_UPLOAD = 128 * 2**20  # bytes of an uploaded model
LARGEST_DESCRIPTION = 2**20
PARTS = ("measures", "data", "source", "licence", "limits")
BLANK = RegressorCard("", "", "", "", "")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegressorEntry:
    """One judge as it is known here.

    `origin` is built in, fetched, uploaded or ratings. `missing` names the parts of its card that are blank: until
    there are none, no slider is made from it. `sensitive` are the protected or social categories that its words
    name, `reason` what its owner wrote about that. `trust` is how far a fit of ratings can be trusted.
    Of an upload, `passport` is what the file holds, `plan` how it is shown pictures and `asks` what of the plan the
    file does not tell and nobody has confirmed.
    """

    spec: RegressorSpec
    origin: str
    installed: bool = True
    missing: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    reason: str | None = None
    created: str = ""
    trust: Mapping[str, Any] = field(default_factory=dict)
    passport: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    asks: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """What is said wherever its score is shown; empty for what names nobody."""
        return sensitive_terms.warning(self.sensitive, self.spec.title)

    def about(self) -> dict[str, Any]:
        """What goes along with every slider made from it."""
        if not self.sensitive:
            return {}
        return {"sensitive": list(self.sensitive), "reason": self.reason, "warning": self.warning}


_stored = TypeAdapter(RegressorEntry)


class Regressors:
    """The judges in `home`/regressors, and those that need no folder. Read afresh each time: they are few."""

    def __init__(self, home: Path, unlocked: bool = False) -> None:
        self.folder, self.unlocked = home / "regressors", unlocked
        self._loaded: dict[tuple[str, str, str], Regressor] = {}

    def all(self) -> dict[str, RegressorEntry]:
        """Every judge by name: built in and fetched ones first, then those kept here, by name."""
        found = {}
        for name, spec in catalogue.entries().items():
            here = catalogue.is_installed(name, self.folder)
            found[name] = RegressorEntry(spec, "built in" if spec.kind == "measure" else "fetched", installed=here)
        for path in sorted(self.folder.glob(f"[!.]*/{DESCRIPTION}")):
            try:
                entry = _read(path)
            except Invalid as error:
                log.warning("%s", error)
                continue
            found.setdefault(entry.spec.name, entry)
        return found

    def find(self, name: str) -> RegressorEntry:
        """The judge of that name; NotFound names what there is."""
        entry = self.all().get(name)
        if entry is None:
            raise NotFound(f"There is no regressor “{name[:60]}”.", f"There are {', '.join(self.all())}.")
        return entry

    def load(self, name: str, device: str = "cpu") -> Regressor:
        """The judge, ready to score; the same one again while its weights are the same."""
        entry = self.find(name)
        if not entry.installed:
            raise NotFound(f"{entry.spec.title} ({name}) has not been fetched yet.", f"Run: latentwalk pull {name}")
        key = (name, entry.spec.fingerprint, device)
        if key not in self._loaded:
            self._forget(name)
            self._loaded[key] = self._load(entry, device)
        return self._loaded[key]

    def usable(self, name: str) -> RegressorEntry:
        """The judge, where a slider may be made from it; Invalid says what is missing from its card."""
        entry = self.find(name)
        if entry.missing:
            raise Invalid(
                f"The card of {entry.spec.title} does not say its {', '.join(entry.missing)} yet.",
                "Fill it in first: people who see the slider must be able to read what it measures and where it fails.",
            )
        if entry.asks:
            raise Invalid(
                f"How {entry.spec.title} wants its pictures is not confirmed: {', '.join(entry.asks)}.",
                "Look at what it says of some pictures, correct its plan, and keep it.",
            )
        sensitive_terms.checked_reason(entry.sensitive, entry.reason)
        return entry

    def measures(self) -> list[Regressor]:
        """The built-in measures, which every slider is re-scored by."""
        return [self.load(name) for name, entry in self.all().items() if entry.spec.kind == "measure"]

    def keep(self, entry: RegressorEntry, contents: Mapping[str, bytes]) -> RegressorEntry:
        """Keep a new judge with its files; Conflict where another one has its name. New ratings replace
        ratings, a new upload an upload."""
        name = entry.spec.name
        check_id(name)
        if name in catalogue.entries():
            raise Conflict(f"“{name}” is the name of a built-in judge.", "Choose another name.")
        there = self.all().get(name)
        if there is not None and there.origin != entry.origin:
            raise Conflict(f"There is a regressor “{name}” already.", "Choose another name, or remove that one first.")
        told = _told(replace(entry, created=datetime.now(UTC).isoformat(timespec="seconds")))
        for file, data in contents.items():
            atomic_files.write(self.folder / name / file, data)
        return self._write(told)

    def describe(
        self, name: str, title: str | None = None, card: Mapping[str, str] | None = None, reason: str | None = None
    ) -> RegressorEntry:
        """Change what is said of a kept judge: its title, parts of its card, the reason for a sensitive one."""
        entry = self._own(name)
        changes = {part: _text(part, text) for part, text in (card or {}).items()}
        if set(changes) - set(PARTS):
            raise Invalid("A card has no such part.", f"It has {', '.join(PARTS)}.")
        said = replace(entry.spec.card, **changes)
        spec = replace(entry.spec, card=said, title=_text("title", title) if title else entry.spec.title)
        return self._write(_told(replace(entry, spec=spec, reason=reason if reason is not None else entry.reason)))

    def remove(self, name: str) -> None:
        """Remove a kept judge. Sliders that were made from it stay, and say so."""
        self._own(name)
        try:
            self._forget(name)
            shutil.rmtree(self.folder / name)
        except OSError as error:
            raise atomic_files.storage_error(self.folder / name, error) from error

    def read(self, name: str, file: str) -> bytes | None:
        """A file kept beside a judge, None where there is none."""
        path = self.folder / name / file
        return path.read_bytes() if path.is_file() else None

    def _forget(self, name: str) -> None:
        # An upload's jail ends with the last who holds it.
        for key in [key for key in self._loaded if key[0] == name]:
            del self._loaded[key]

    def _own(self, name: str) -> RegressorEntry:
        entry = self.find(name)
        if entry.origin not in ("uploaded", "ratings"):
            raise Conflict(f"{entry.spec.title} comes with Latentwalk and cannot be changed.", "Upload your own.")
        return entry

    def _write(self, entry: RegressorEntry) -> RegressorEntry:
        data = json.dumps(asdict(entry), indent=1, ensure_ascii=False).encode()
        atomic_files.write(self.folder / entry.spec.name / DESCRIPTION, data)
        return entry

    def _load(self, entry: RegressorEntry, device: str) -> Regressor:
        spec, folder = entry.spec, self.folder / entry.spec.name
        if spec.kind in ("measure", "resmem"):
            return catalogue.load(spec.name, self.folder, device)
        if spec.kind == "onnx":
            return onnx.load_regressor(folder, spec, unlocked=self.unlocked)
        try:
            state = safetensors.torch.load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise ModelFailed(f"The fit of {spec.title} cannot be read: {error}.", "Fit the ratings again.") from error
        judge = RatingsRegressor(spec.name, spec.title, spec.unit, spec.span, spec.card, state)
        if judge.spec.fingerprint != spec.fingerprint:
            raise ModelFailed(f"The fit of {spec.title} was changed on the disk.", "Fit the ratings again.")
        return judge


def _told(entry: RegressorEntry) -> RegressorEntry:
    # What the words of a judge's description amount to: blanks, and the categories they name.
    spec = entry.spec
    sensitive = sensitive_terms.named([spec.name, spec.title, spec.card.measures])
    missing = tuple(part for part in PARTS if not getattr(spec.card, part).strip())
    # A draft may wait for its reason; a finished card may not.
    reason = entry.reason if missing else sensitive_terms.checked_reason(sensitive, entry.reason)
    return replace(entry, sensitive=sensitive, missing=missing, reason=reason)


def _read(path: Path) -> RegressorEntry:
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise Invalid(f"{path} is too large to describe a judge.", "Remove its folder.")
        entry = _stored.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise Invalid(f"{path} does not describe a judge: {str(error)[:200]}.", "Remove its folder.") from None
    if entry.spec.name != path.parent.name or entry.spec.kind not in ("onnx", "ratings"):
        raise Invalid(f"{path} describes another judge, {entry.spec.name[:60]}.", "Rename its folder.")
    return entry


def _text(part: str, text: str) -> str:
    said = " ".join(text.split())
    if len(said) > LONGEST:
        raise Invalid(f"The card's {part} is longer than {LONGEST} characters.", "Say it shorter.")
    return said
