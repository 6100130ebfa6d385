"""Where a finished film goes: into the archive of a server, or to a path that the command was given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentwalk.films.render import Film
from latentwalk.films.timeline import Timeline
from latentwalk.provenance.signing import Seal, write_sidecar
from latentwalk.rendering import image_codec
from server.storage.film_archive import FilmArchive

THUMBNAIL = 256  # px, the longest side


class FilmDestination(ABC):
    """A place for one film: `path` is the file, `title` what the ledger calls it, `export` its id in the archive."""

    path: Path
    title: str
    export: str | None = None

    @abstractmethod
    def result(self) -> Mapping[str, Any]:
        """The result of the task, as JSON."""

    @abstractmethod
    def is_finished(self) -> bool:
        """Whether the film is here already, because a server stopped between finishing it and recording that."""

    @abstractmethod
    def discard(self) -> None:
        """Remove the remains of a film that was not finished."""

    @abstractmethod
    def finish(self, timeline: Timeline, film: Film, seal: Seal, created: str) -> None:
        """Keep what belongs to the finished film: its description, its thumbnail, its credential."""


class ArchiveDestination(FilmDestination):
    """The archive of a server, which lists a film once it is described."""

    def __init__(self, archive: FilmArchive, id: str, title: str) -> None:
        self._archive = archive
        self.path, self.title, self.export = archive.film(id), title, id
        self._id = id

    def result(self) -> Mapping[str, Any]:
        return {"export": self._id}

    def is_finished(self) -> bool:
        return self._archive.has(self._id)

    def discard(self) -> None:
        self._archive.discard(self._id)

    def finish(self, timeline: Timeline, film: Film, seal: Seal, created: str) -> None:
        thumbnail = film.samples[0].copy()
        thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
        description = {
            "title": self.title,
            "format": timeline.output.format,
            "bytes": film.bytes,
            "width": film.width,
            "height": film.height,
            "frames": film.frames,
            "fps": film.fps,
            "seconds": round(film.seconds, 3),
            "created": created,
            "recipe": timeline.plain(),
            "credential": seal.placement,
            "sha256": seal.sha256,
            "digest": film.digest,
        }
        self._archive.finish(self._id, description, image_codec.encode(thumbnail, "jpg"), seal.beside)


class PathDestination(FilmDestination):
    """A path; a credential that the format cannot carry is written beside it, as NAME.credential.json."""

    def __init__(self, path: Path, title: str = "") -> None:
        self.path, self.title = path, title or path.name

    def result(self) -> Mapping[str, Any]:
        return {"path": str(self.path)}

    def is_finished(self) -> bool:
        return False  # a file that is there is another one, to be replaced

    def discard(self) -> None:
        pass  # an unfinished film has a temporary name and removes itself

    def finish(self, timeline: Timeline, film: Film, seal: Seal, created: str) -> None:
        write_sidecar(self.path, seal)
