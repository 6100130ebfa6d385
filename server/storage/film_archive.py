"""Finished films on disk: one folder each, there as soon as its description is, and not before."""

from __future__ import annotations

import json
import logging
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentwalk.errors import Damaged, NotFound
from models import atomic_files
from server.storage.objects import digest

FILM, THUMBNAIL, DESCRIPTION, SIDECAR = "file", "thumb.jpg", "export.json", "credential.json"
ID = re.compile(r"[a-z0-9-]{1,40}")

log = logging.getLogger(__name__)


class FilmArchive:
    """The films in `folder`. A folder without a readable description is a film that was never finished."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}

    def new(self) -> str:
        """A free id."""
        return f"x-{secrets.token_hex(6)}"

    def film(self, id: str) -> Path:
        """Where the film of that id lies or will lie."""
        return self._folder / id / FILM

    def has(self, id: str) -> bool:
        """Whether a film of that id is finished."""
        return (self._folder / id / DESCRIPTION).is_file()

    def sweep(self, under_way: set[str]) -> list[str]:
        """Remove what films that nobody makes any more left behind, all but those `under_way`; their ids."""
        left = [path.name for path in sorted(self._folder.glob("*/")) if not self.has(path.name)]
        gone = [id for id in left if id not in under_way]
        for id in gone:
            self.discard(id)
        return gone

    def checked(self, id: str) -> Path:
        """The file of a finished film, compared with its SHA-256 once for as long as it is not touched."""
        path, known = self.film(id), self.get(id).get("sha256")
        try:
            stat = path.stat()
            seen = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
            if known is not None and self._seen.get(id) != seen and digest(path) != known:
                raise Damaged("This film was changed on the disk since it was made.", "Its recipe makes it again.")
        except OSError as error:
            raise Damaged("This film is missing from the disk.", "Its recipe makes it again.") from error
        self._seen[id] = seen
        return path

    def finish(
        self,
        id: str,
        description: Mapping[str, Any],
        thumbnail: bytes,
        sidecar: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a film visible, with its description and first picture, and its credential where it carries none."""
        if sidecar is not None:
            atomic_files.write(self._folder / id / SIDECAR, json.dumps(sidecar, indent=1).encode())
        atomic_files.write(self._folder / id / THUMBNAIL, thumbnail)
        atomic_files.write(self._folder / id / DESCRIPTION, json.dumps({"id": id, **description}).encode())

    def all(self) -> list[dict[str, Any]]:
        """Every finished film, newest first."""
        found = []
        for path in self._folder.glob(f"*/{DESCRIPTION}"):
            try:
                found.append(self._read(path))
            except (OSError, ValueError, TypeError) as error:
                log.warning("Left out the export %s: %s", path.parent.name, error)
        return sorted(found, key=lambda export: str(export.get("created")), reverse=True)

    def get(self, id: str) -> dict[str, Any]:
        """One film's description."""
        if ID.fullmatch(id):
            try:
                return self._read(self._folder / id / DESCRIPTION)
            except (OSError, ValueError, TypeError):
                pass
        raise NotFound(f"There is no export “{id[:40]}”.", "See /api/exports for those there are.")

    def thumbnail(self, id: str) -> Path:
        return self._folder / id / THUMBNAIL

    def sidecar(self, id: str) -> Path:
        """The credential beside a film."""
        path = self._folder / id / SIDECAR
        if not path.is_file():
            raise NotFound("This film has no credential beside it.", "Most formats carry it inside the file.")
        return path

    def remove(self, id: str) -> None:
        """Remove a finished film."""
        self.get(id)
        atomic_files.remove(self._folder / id / DESCRIPTION)
        self.discard(id)

    def discard(self, id: str) -> None:
        """Remove whatever is left of a film that was not finished."""
        shutil.rmtree(self._folder / id, ignore_errors=True)

    def _read(self, path: Path) -> dict[str, Any]:
        stored = json.loads(path.read_text())
        if not isinstance(stored, dict):
            raise TypeError("its description is not a table")
        return stored
