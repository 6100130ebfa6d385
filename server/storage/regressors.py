"""The installed regressors: built in, fetched, uploaded or fitted to ratings, with their cards and written reasons."""

from __future__ import annotations

import functools
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import safetensors.torch
from pydantic import TypeAdapter
from safetensors import SafetensorError

from latentwalk.directions.direction import check_id
from latentwalk.errors import Conflict, Invalid, ModelFailed, NotFound
from models import atomic_files
from models.external_text import check_json
from models.regressors import catalogue, onnx
from models.regressors.protocol import Regressor
from models.regressors.ratings_model import RatingsRegressor
from server.storage import sensitive_terms
from server.storage.folder_quota import check_room
from server.storage.regressor_entry import PARTS, RegressorEntry

DESCRIPTION = "regressor.json"
WEIGHTS = "weights.safetensors"
RATINGS = "ratings.json"
LONGEST = 2000
LARGEST_UPLOAD = 128 * 2**20  # bytes of an uploaded model
LARGEST_DESCRIPTION = 2**20
MOST_TIMEOUTS, TIMEOUTS_WITHIN = 2, timedelta(days=1)  # scores that may take too long before a suspension

log = logging.getLogger(__name__)


_entry_json = TypeAdapter(RegressorEntry)


class Regressors:
    """The regressors in `home`/regressors, and those that need no files. They are few, and read on each call."""

    def __init__(self, home: Path, unlocked: bool = False) -> None:
        self.folder, self.unlocked = home / "regressors", unlocked
        self._loaded: dict[tuple[str, str, str], Regressor] = {}

    def all(self) -> dict[str, RegressorEntry]:
        """Every regressor by name: those of the catalogue first, then the stored ones in order of their names."""
        return self.all_and_damaged()[0]

    def damaged(self) -> dict[str, str]:
        """The stored regressors that cannot be used: why, by name."""
        return self._read_stored()[1]

    def all_and_damaged(self) -> tuple[dict[str, RegressorEntry], dict[str, str]]:
        """`all` and `damaged`, from one reading."""
        entries = {}
        for name, spec in catalogue.entries().items():
            installed = catalogue.is_installed(name, self.folder)
            origin = "built in" if spec.kind == "measure" else "fetched"
            entries[name] = RegressorEntry(spec, origin, installed=installed)
        stored, damaged = self._read_stored()
        return {**stored, **entries}, damaged

    def find(self, name: str) -> RegressorEntry:
        """The regressor with this name; NotFound, which lists the existing ones, when there is none."""
        entry = self.all().get(name)
        if entry is None:
            raise NotFound(f"There is no regressor “{name[:60]}”.", f"Choose one of {', '.join(self.all())}.")
        return entry

    def load(self, name: str, device: str = "cpu") -> Regressor:
        """Load a regressor onto `device`. The same object is returned again while its weights are the same."""
        entry = self.find(name)
        if entry.suspended:
            raise suspended(entry)
        if not entry.installed:
            raise NotFound(f"{entry.spec.title} ({name}) is not downloaded yet.", f"Run: latentwalk pull {name}")
        key = (name, entry.spec.fingerprint, device)
        if key not in self._loaded:
            self._unload(name)
            self._loaded[key] = self._load(entry, device)
        return self._loaded[key]

    def usable(self, name: str) -> RegressorEntry:
        """The regressor, if directions may be learned from it; Invalid says what its card or its plan lacks.

        Conflict if it is suspended.
        """
        entry = self.find(name)
        if entry.suspended:
            raise suspended(entry)
        if entry.missing:
            raise Invalid(
                f"The card of {entry.spec.title} lacks: {', '.join(entry.missing)}.",
                "Complete it first: people who see the slider must be able to read what it measures and where it errs.",
            )
        if entry.asks:
            raise Invalid(
                f"The input of {entry.spec.title} is not confirmed: {', '.join(entry.asks)}.",
                "Look at its scores for some pictures, correct its plan, and save it.",
            )
        sensitive_terms.checked_reason(entry.sensitive, entry.reason)
        return entry

    def measures(self) -> list[Regressor]:
        """The built-in image measures, which score every learned direction."""
        return [self.load(name) for name, entry in self.all().items() if entry.spec.kind == "measure"]

    def keep(self, entry: RegressorEntry, contents: Mapping[str, bytes]) -> RegressorEntry:
        """Store a regressor with its files, by file name. It replaces one with its name and its origin.

        Raises Conflict when a regressor of another origin has the name.
        """
        name = entry.spec.name
        check_id(name, "regressor")
        if name in catalogue.entries():
            raise Conflict(f"“{name}” is the name of a built-in regressor.", "Choose another name.")
        existing = self.all().get(name)
        if existing is not None and existing.origin != entry.origin:
            raise Conflict(f"There is a regressor “{name}” already.", "Choose another name, or remove that one first.")
        check_room(self.folder, sum(map(len, contents.values())), "regressors")
        classified = _classified(replace(entry, created=datetime.now(UTC).isoformat(timespec="seconds")))
        for file, data in contents.items():
            atomic_files.write(self.folder / name / file, data)
        return self._write(classified)

    def describe(
        self, name: str, title: str | None = None, card: Mapping[str, str] | None = None, reason: str | None = None
    ) -> RegressorEntry:
        """Change the title, parts of the card, or the reason of a stored regressor."""
        entry = self._stored(name)
        changes = {part: _text(part, text) for part, text in (card or {}).items()}
        if set(changes) - set(PARTS):
            raise Invalid("A card has no such field.", f"Its fields are {', '.join(PARTS)}.")
        new_card = replace(entry.spec.card, **changes)
        spec = replace(entry.spec, card=new_card, title=_text("title", title) if title else entry.spec.title)
        new_reason = entry.reason if reason is None else reason
        return self._write(_classified(replace(entry, spec=spec, reason=new_reason)))

    def record_timeout(self, name: str) -> None:
        """Note that a score took too long; the second of a day suspends the regressor."""
        entry = self._stored(name)
        at = datetime.now(UTC)
        recent = tuple(text for text in entry.timeouts if at - datetime.fromisoformat(text) < TIMEOUTS_WITHIN)
        timeouts = (*recent, at.isoformat(timespec="seconds"))
        if len(timeouts) < MOST_TIMEOUTS or entry.suspended:
            self._write(replace(entry, timeouts=timeouts[-MOST_TIMEOUTS:]))
            return
        self._write(replace(entry, timeouts=timeouts, suspended=timeouts[-1]))
        self._unload(name)
        log.warning("The regressor %s took too long %d times and is suspended", name, len(timeouts))

    def resume(self, name: str) -> RegressorEntry:
        """Let a suspended regressor score again, with its timeouts forgotten."""
        return self._write(replace(self._stored(name), timeouts=(), suspended=None))

    def remove(self, name: str) -> None:
        """Delete a stored or damaged regressor. Directions that were learned from it stay."""
        if name not in self.damaged():
            self._stored(name)
        try:
            self._unload(name)
            shutil.rmtree(self.folder / name)
        except OSError as error:
            raise atomic_files.storage_error(self.folder / name, error) from error

    def read(self, name: str, file: str) -> bytes | None:
        """The bytes of a file stored with a regressor, None when there is none."""
        path = self.folder / name / file
        return path.read_bytes() if path.is_file() else None

    def _unload(self, name: str) -> None:
        # The sandbox process of an upload ends when nothing refers to it any more.
        for key in [key for key in self._loaded if key[0] == name]:
            del self._loaded[key]

    def _read_stored(self) -> tuple[dict[str, RegressorEntry], dict[str, str]]:
        entries, damaged = {}, {}
        for path in sorted(self.folder.glob(f"[!.]*/{DESCRIPTION}")):
            try:
                entries[path.parent.name] = _read(path)
            except Invalid as error:
                damaged[path.parent.name] = str(error)
                log.warning("%s", error)
        return entries, damaged

    def _stored(self, name: str) -> RegressorEntry:
        entry = self.find(name)
        if entry.origin not in ("uploaded", "ratings"):
            raise Conflict(f"{entry.spec.title} comes with Latentwalk and cannot be changed.", "Upload your own.")
        return entry

    def _write(self, entry: RegressorEntry) -> RegressorEntry:
        try:
            check_json(asdict(entry), "the description")
        except ValueError as error:
            raise Invalid(f"“{entry.spec.name}” cannot be kept: {error}.", "Remove it from the text.") from None
        data = json.dumps(asdict(entry), indent=1, ensure_ascii=False).encode()
        atomic_files.write(self.folder / entry.spec.name / DESCRIPTION, data)
        return entry

    def _load(self, entry: RegressorEntry, device: str) -> Regressor:
        spec, folder = entry.spec, self.folder / entry.spec.name
        if spec.kind in ("measure", "resmem"):
            return catalogue.load(spec.name, self.folder, device)
        if spec.kind == "onnx":
            timed_out = functools.partial(self.record_timeout, spec.name)
            return onnx.load_regressor(folder, spec, unlocked=self.unlocked, on_timeout=timed_out)
        try:
            state = safetensors.torch.load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise ModelFailed(f"The fit of {spec.title} cannot be read: {error}.", "Fit the ratings again.") from error
        regressor = RatingsRegressor(spec.name, spec.title, spec.unit, spec.span, spec.card, state)
        if regressor.spec.fingerprint != spec.fingerprint:
            raise ModelFailed(f"The fit of {spec.title} was changed on the disk.", "Fit the ratings again.")
        return regressor


def suspended(entry: RegressorEntry) -> Conflict:
    """The error for the use of a suspended regressor."""
    return Conflict(
        f"{entry.spec.title} is suspended: {MOST_TIMEOUTS} of its scores took too long.",
        "An editor can resume it on its card; a model that needs so long should be exported smaller.",
    )


def _classified(entry: RegressorEntry) -> RegressorEntry:
    # The entry with what follows from its texts: the blank parts of the card and the sensitive categories.
    spec = entry.spec
    sensitive = sensitive_terms.categories_in([spec.name, spec.title, spec.card.measures])
    missing = tuple(part for part in PARTS if not getattr(spec.card, part).strip())
    # An incomplete card may lack its reason; a complete one may not.
    reason = entry.reason if missing else sensitive_terms.checked_reason(sensitive, entry.reason)
    return replace(entry, sensitive=sensitive, missing=missing, reason=reason)


def _read(path: Path) -> RegressorEntry:
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise Invalid(f"{path} is too large to describe a regressor.", "Delete its folder.")
        entry = _entry_json.validate_json(path.read_bytes())
        check_json(asdict(entry))
    except (OSError, ValueError) as error:
        raise Invalid(f"{path} does not describe a regressor: {str(error)[:200]}.", "Delete its folder.") from None
    if entry.spec.name != path.parent.name or entry.spec.kind not in ("onnx", "ratings"):
        raise Invalid(f"{path} describes another regressor, {entry.spec.name[:60]}.", "Rename its folder.")
    return entry


def _text(part: str, text: str) -> str:
    text = " ".join(text.split())
    if len(text) > LONGEST:
        raise Invalid(f"The card's {part} is longer than {LONGEST} characters.", "Shorten it.")
    return text
