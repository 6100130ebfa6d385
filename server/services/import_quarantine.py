"""Files that somebody brought and nobody has decided on: seen in the jail, then kept as generators or thrown away."""

from __future__ import annotations

import base64
import datetime
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio

from latentwalk.errors import Invalid, NotFound
from latentwalk.rendering import image_codec
from models import atomic_files
from server.services import generator_import
from server.storage.library import Library

LARGEST = 2**30  # bytes of a file
MOST = 4  # files that wait at once; the oldest goes when another comes
PREVIEW = 256  # px of the first picture's longest side
_ID = re.compile(r"[0-9a-f]{16}")


class ImportQuarantine:
    """A folder whose files are opened by the jail alone. What is kept is read from it again, and must be the same."""

    def __init__(self, library: Library, unlocked: bool = False) -> None:
        self._library = library
        self._folder = library.home / "quarantine"
        self._unlocked = unlocked
        self._turns = anyio.CapacityLimiter(1)  # a gigabyte is read whole, and its jail takes as much again

    async def bring(self, parts: AsyncIterator[bytes], name: str) -> dict[str, Any]:
        """Take a file in and say what it is: its passport, its first picture, and the `id` to keep it by.

        What is refused is gone when the refusal is told.
        """
        id = secrets.token_hex(8)
        path = self._folder / id
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room()
            async with await anyio.open_file(path, "wb") as file:
                async for part in parts:
                    await file.write(part)
            return await anyio.to_thread.run_sync(self._seen, id, name, limiter=self._turns)
        except OSError as error:
            atomic_files.remove(path)
            raise atomic_files.storage_error(path, error) from error
        except BaseException:
            atomic_files.remove(path)
            raise

    async def keep(self, id: str, name: str, title: str, card: Mapping[str, str], golden: str) -> str:
        """Keep a file that was seen as a generator called `name`; Invalid where its picture is now another one."""
        return await anyio.to_thread.run_sync(self._kept, id, name, title, card, golden, limiter=self._turns)

    def _kept(self, id: str, name: str, title: str, card: Mapping[str, str], golden: str) -> str:
        path = self._path(id)
        year = datetime.date.today().year
        found = generator_import.preview_checkpoint(path, name, year, title=title, card=card, unlocked=self._unlocked)
        if found.golden != golden:
            raise Invalid("It draws another picture than the one you saw.", "Bring it again.")
        generator_import.keep_checkpoint(self._library, found)
        atomic_files.remove(path)
        return name

    def drop(self, id: str) -> None:
        """Throw a file away."""
        atomic_files.remove(self._path(id))

    def sweep(self) -> None:
        """Throw away what an earlier server left."""
        for path in self._waiting():
            atomic_files.remove(path)

    def _seen(self, id: str, name: str) -> dict[str, Any]:
        year = datetime.date.today().year
        found = generator_import.preview_checkpoint(self._folder / id, name, year, unlocked=self._unlocked, called=name)
        picture = image_codec.encode(
            image_codec.to_image(image_codec.to_pixels(found.picture[None])[0], PREVIEW), "png"
        )
        address = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        return {"id": id, **found.view(), "picture": address}

    def _path(self, id: str) -> Path:
        path = self._folder / id
        if not _ID.fullmatch(id) or not path.is_file():
            raise NotFound("That file is not here any more.", "Bring it again.")
        return path

    def _make_room(self) -> None:
        for path in self._waiting()[: -(MOST - 1)]:
            atomic_files.remove(path)

    def _waiting(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime)
