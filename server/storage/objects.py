"""Files named by the SHA-256 of what they hold: written whole, never changed, and checked whenever they are read."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

from latentwalk.errors import Damaged
from models import atomic_files

NAME = re.compile(r"[0-9a-f]{64}")
BLOCK = 2**20
YOUNG = 3600.0  # seconds for which what no row names may yet be named: its row may be on the way


class ObjectStore:
    """The files in `folder`, as ab/abcdef…; one content is kept once, whoever keeps it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; their SHA-256. One that is there and whole is not written again."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not self._whole(path, sha256):
            atomic_files.write(path, data)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of that hash; Damaged where they are gone or were changed on the disk."""
        try:
            data = self.path(sha256).read_bytes()
        except OSError as error:
            raise Damaged(f"{sha256[:12]} is missing from {self.folder}.", MEND) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Damaged(f"{sha256[:12]} in {self.folder} was changed on the disk.", MEND)
        return data

    def checked(self, sha256: str) -> Path:
        """The file of that hash, read through once to see that it is whole."""
        path = self.path(sha256)
        if not self._whole(path, sha256):
            raise Damaged(f"{sha256[:12]} in {self.folder} is missing or was changed on the disk.", MEND)
        return path

    def path(self, sha256: str) -> Path:
        """Where the file of that hash lies or would lie."""
        if not NAME.fullmatch(sha256):
            raise Damaged("A row names no file.", MEND)
        return self.folder / sha256[:2] / sha256

    def all(self) -> Iterator[str]:
        """Every hash there is a file for."""
        for path in sorted(self.folder.glob("??/*")):
            if NAME.fullmatch(path.name):
                yield path.name

    def nobodys(self, named: set[str]) -> list[str]:
        """The files that no row names, and that are old enough that none is about to."""
        found = (sha256 for sha256 in self.all() if sha256 not in named)
        return [sha256 for sha256 in found if time.time() - self.path(sha256).stat().st_mtime > YOUNG]

    def _whole(self, path: Path, sha256: str) -> bool:
        try:
            return digest(path) == sha256
        except OSError:
            return False


MEND = "Run: latentwalk doctor --repair"


def digest(path: Path) -> str:
    """The SHA-256 of a file, read in blocks; OSError where it cannot be."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
