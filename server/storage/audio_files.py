"""Sounds that were handed in for films: each kept as a file of our own making, under the digest of what was brought."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid, NotFound
from latentwalk.films.encoding import untrusted_media
from latentwalk.films.encoding.audio import RATE, write
from latentwalk.films.encoding.audio import detect_beats as beats_of
from latentwalk.films.timeline import Timeline
from models import atomic_files

LARGEST = 32 * 2**20
SUFFIX = ".flac"


class AudioFiles:
    """The sounds in `folder`. Decoding happens in the jail; here its numbers are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes, name: str) -> dict[str, Any]:
        """Keep a sound file that somebody brought: its digest, name, seconds, and the beats heard in it."""
        if not 0 < len(data) <= LARGEST:
            raise Invalid(f"A sound has at most {LARGEST // 2**20} MB.", "Bring a compressed or shorter one.")
        sha256 = hashlib.sha256(data).hexdigest()
        description = self._folder / f"{sha256}.json"
        heard = self._heard(description)
        if heard is None:
            sound = untrusted_media.decode_audio(data)
            with atomic_files.replacing(self._folder / f"{sha256}{SUFFIX}") as part:
                write(sound, part)
            heard = {"seconds": round(len(sound) / RATE, 3), "beats": beats_of(sound)}
            atomic_files.write(description, json.dumps(heard).encode())
        audio = {"sha256": sha256, "name": name[:200]}
        return {"audio": audio, "seconds": heard.get("seconds"), "beats": heard.get("beats")}

    def path(self, timeline: Timeline) -> Path | None:
        """The sound of a timeline, none where it has none; NotFound where it was not handed in here."""
        if timeline.audio is None:
            return None
        path = self._folder / f"{timeline.audio.sha256}{SUFFIX}"
        if not path.is_file():
            name = timeline.audio.name or "of this walk"
            raise NotFound(f"The sound “{name[:60]}” is not here.", "Drop the sound file on the timeline again.")
        return path

    def _heard(self, path: Path) -> dict[str, Any] | None:
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and path.with_suffix(SUFFIX).is_file() else None
