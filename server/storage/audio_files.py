"""Audio for films: every upload is decoded in the sandbox and stored as FLAC under the SHA-256 of the upload."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid, NotFound
from latentwalk.films.encoding import untrusted_media
from latentwalk.films.encoding.audio import RATE, detect_beats, write
from latentwalk.films.timeline import Timeline
from models import atomic_files
from server.storage.folder_quota import check_room

LARGEST = 32 * 2**20  # bytes of an upload
SUFFIX = ".flac"


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """One stored audio file: the hash and the name of its upload, its duration in seconds and the times of its beats.

    `seconds` and `beats` are None where the description on the disk lacks them.
    """

    sha256: str
    name: str
    seconds: float | None
    beats: Sequence[float] | None

    def view(self) -> dict[str, Any]:
        """The audio file as JSON; `audio` is what a timeline refers to it by."""
        return {"audio": {"sha256": self.sha256, "name": self.name}, "seconds": self.seconds, "beats": self.beats}


class AudioFiles:
    """The audio files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes, name: str) -> StoredAudio:
        """Store an uploaded audio file.

        Raises Invalid when the file is empty, too large or cannot be decoded.
        """
        if not 0 < len(data) <= LARGEST:
            raise Invalid(f"An audio file has at most {LARGEST // 2**20} MB.", "Use a compressed or shorter file.")
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{sha256}.json"
        description = self._description(path)
        if description is None:
            samples = untrusted_media.decode_audio(data)
            check_room(self._folder, samples.nbytes, "sounds")
            with atomic_files.replacing(self._folder / f"{sha256}{SUFFIX}") as part:
                write(samples, part)
            description = {"seconds": round(len(samples) / RATE, 3), "beats": detect_beats(samples)}
            atomic_files.write(path, json.dumps(description).encode())
        return StoredAudio(sha256, name[:200], description.get("seconds"), description.get("beats"))

    def path(self, timeline: Timeline) -> Path | None:
        """The audio file of a timeline, None when it has no audio; NotFound when its file was not uploaded here."""
        if timeline.audio is None:
            return None
        path = self._folder / f"{timeline.audio.sha256}{SUFFIX}"
        if not path.is_file():
            name = timeline.audio.name or "of this walk"
            raise NotFound(f"The audio file “{name[:60]}” is not here.", "Drop the audio file on the timeline again.")
        return path

    def _description(self, path: Path) -> dict[str, Any] | None:
        try:
            stored = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        return stored if isinstance(stored, dict) and path.with_suffix(SUFFIX).is_file() else None
