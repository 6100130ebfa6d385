"""Finished films on disk: one folder each, which becomes visible when its description is written."""

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
from models.catalogue.hashing import file_sha256
from server.storage.folder_quota import check_room

FILM, THUMBNAIL, DESCRIPTION, SIDECAR = "file", "thumb.jpg", "export.json", "credential.json"
ID = re.compile(r"[a-z0-9-]{1,40}")
RENDER_AGAIN = "Render it again from its recipe."

log = logging.getLogger(__name__)


class FilmArchive:
    """The films in `folder`. A folder without a readable description holds a film that was never finished."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._verified: dict[str, tuple[int, int, int]] = {}

    def new(self) -> str:
        """An unused id. Overloaded when the stored films are too large for another one."""
        check_room(self._folder, 0, "films")
        return f"x-{secrets.token_hex(6)}"

    def film(self, id: str) -> Path:
        """The path of a film, whether or not it is finished."""
        return self._folder / id / FILM

    def has(self, id: str) -> bool:
        """Whether a film is finished."""
        return (self._folder / id / DESCRIPTION).is_file()

    def unfinished(self) -> list[str]:
        """The ids of the films that are being rendered, or whose rendering was interrupted."""
        return [path.name for path in sorted(self._folder.glob("*/")) if not self.has(path.name)]

    def sweep(self, in_progress: set[str]) -> list[str]:
        """Delete unfinished films except those in `in_progress`; the ids of the deleted ones."""
        abandoned = [id for id in self.unfinished() if id not in in_progress]
        for id in abandoned:
            self.discard(id)
        return abandoned

    def checked(self, id: str) -> Path:
        """The file of a finished film; Damaged when its SHA-256 is not the recorded one. Verified once per change."""
        path, sha256 = self.film(id), self.get(id).get("sha256")
        try:
            stat = path.stat()
            version = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
            known = sha256 is None or self._verified.get(id) == version
            if not known and file_sha256(path) != sha256:
                raise Damaged("This film was changed on the disk after it was rendered.", RENDER_AGAIN)
        except OSError as error:
            raise Damaged("This film is missing from the disk.", RENDER_AGAIN) from error
        self._verified[id] = version
        return path

    def finish(
        self,
        id: str,
        description: Mapping[str, Any],
        thumbnail: bytes,
        sidecar: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a film visible: its thumbnail, a JPEG, its credential if it has a sidecar, and last its description."""
        if sidecar is not None:
            atomic_files.write(self._folder / id / SIDECAR, json.dumps(sidecar, indent=1).encode())
        atomic_files.write(self._folder / id / THUMBNAIL, thumbnail)
        atomic_files.write(self._folder / id / DESCRIPTION, json.dumps({"id": id, **description}).encode())

    def all(self) -> list[dict[str, Any]]:
        """The description of every finished film, newest first."""
        films = []
        for path in self._folder.glob(f"*/{DESCRIPTION}"):
            try:
                films.append(self._read(path))
            except (OSError, ValueError, TypeError) as error:
                log.warning("Skipped the film %s: %s", path.parent.name, error)
        return sorted(films, key=lambda film: str(film.get("created")), reverse=True)

    def get(self, id: str) -> dict[str, Any]:
        """The description of a film; NotFound when it is not finished."""
        if ID.fullmatch(id):
            try:
                return self._read(self._folder / id / DESCRIPTION)
            except (OSError, ValueError, TypeError):
                pass
        raise NotFound(f"There is no export “{id[:40]}”.", "GET /api/exports lists the existing ones.")

    def thumbnail(self, id: str) -> Path:
        """The path of a film's first picture, a JPEG."""
        return self._folder / id / THUMBNAIL

    def sidecar(self, id: str) -> Path:
        """The path of the credential beside a film; NotFound when it has none."""
        path = self._folder / id / SIDECAR
        if not path.is_file():
            raise NotFound("This film has no separate credential file.", "Most formats carry it inside the film.")
        return path

    def remove(self, id: str) -> None:
        """Delete a finished film."""
        self.get(id)
        atomic_files.remove(self._folder / id / DESCRIPTION)
        self.discard(id)

    def discard(self, id: str) -> None:
        """Delete every file of a film that exists."""
        shutil.rmtree(self._folder / id, ignore_errors=True)

    def _read(self, path: Path) -> dict[str, Any]:
        stored = json.loads(path.read_text())
        if not isinstance(stored, dict):
            raise TypeError("its description is not a JSON object")
        return stored
