"""The object store: files named by the SHA-256 of their content, written atomically and verified when read."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

from latentwalk.errors import Damaged
from models import atomic_files
from models.catalogue.hashing import file_sha256

SHA256 = re.compile(r"[0-9a-f]{64}")
GRACE_PERIOD = 3600.0  # seconds in which a new file is not called unreferenced: its row may be about to be written
REPAIR_HINT = "Run: latentwalk doctor --repair"


class ObjectStore:
    """The files in `folder`, as ab/abcdef…; equal content is stored once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Store bytes and return their SHA-256. A file that exists and is intact is not written again."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.is_intact(sha256):
            atomic_files.write(self.path(sha256), data)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes with this hash; Damaged when the file is missing or was changed."""
        try:
            data = self.path(sha256).read_bytes()
        except OSError as error:
            raise Damaged(f"{sha256[:12]} is missing from {self.folder}.", REPAIR_HINT) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Damaged(f"{sha256[:12]} in {self.folder} was changed on the disk.", REPAIR_HINT)
        return data

    def checked(self, sha256: str) -> Path:
        """The path of the file with this hash, after reading it through; Damaged when it is not intact."""
        if not self.is_intact(sha256):
            raise Damaged(f"{sha256[:12]} in {self.folder} is missing or was changed on the disk.", REPAIR_HINT)
        return self.path(sha256)

    def is_intact(self, sha256: str) -> bool:
        """Whether the file with this hash exists and has it."""
        try:
            return file_sha256(self.path(sha256)) == sha256
        except OSError:
            return False

    def path(self, sha256: str) -> Path:
        """Where the file with this hash is stored, whether or not it exists."""
        if not SHA256.fullmatch(sha256):
            raise Damaged("A row of the library does not name a file.", REPAIR_HINT)
        return self.folder / sha256[:2] / sha256

    def all(self) -> Iterator[str]:
        """The hash of every stored file."""
        for path in sorted(self.folder.glob("??/*")):
            if SHA256.fullmatch(path.name):
                yield path.name

    def unreferenced(self, referenced: set[str]) -> list[str]:
        """The files that are not in `referenced` and are older than the grace period."""
        others = (sha256 for sha256 in self.all() if sha256 not in referenced)
        return [sha256 for sha256 in others if time.time() - self.path(sha256).stat().st_mtime > GRACE_PERIOD]
