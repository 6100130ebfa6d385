"""Audio for films: every upload is decoded in the sandbox and stored as FLAC under the SHA-256 of the upload."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid, NotFound
from latentwalk.films.encoding import untrusted_media
from latentwalk.films.encoding.audio import RATE, detect_beats, write
from latentwalk.films.timeline import Timeline
from models import atomic_files

LARGEST = 32 * 2**20  # bytes of an upload
SUFFIX = ".flac"


class AudioFiles:
    """The audio files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes, name: str) -> dict[str, Any]:
        """Store an uploaded audio file; its hash and name, its duration in seconds and its beats, as JSON.

        Raises Invalid when the file is empty, too large or cannot be decoded.
        """
        if not 0 < len(data) <= LARGEST:
            raise Invalid(f"An audio file has at most {LARGEST // 2**20} MB.", "Use a compressed or shorter file.")
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{sha256}.json"
        description = self._description(path)
        if description is None:
            samples = untrusted_media.decode_audio(data)
            with atomic_files.replacing(self._folder / f"{sha256}{SUFFIX}") as part:
                write(samples, part)
            description = {"seconds": round(len(samples) / RATE, 3), "beats": detect_beats(samples)}
            atomic_files.write(path, json.dumps(description).encode())
        audio = {"sha256": sha256, "name": name[:200]}
        return {"audio": audio, "seconds": description.get("seconds"), "beats": description.get("beats")}

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
