"""Hold uploaded checkpoints until somebody decides to keep or to discard them; only the sandbox opens them."""

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
from models.importing.onnx.generators import GraphOptions
from server.services.generators import checkpoint_import
from server.storage.library import Library

LARGEST = 2**30  # bytes of a file
CAPACITY = 4  # files that wait at once; another upload removes the oldest
PREVIEW = 256  # px, the longest side of the preview image
_ID = re.compile(r"[0-9a-f]{16}")


class ImportQuarantine:
    """A folder of uploaded checkpoints under random ids.

    A file is previewed, then kept or discarded. Keeping reads the file again, and fails if its image is not the one
    that was previewed.
    """

    def __init__(self, library: Library, unlocked: bool = False) -> None:
        self._library = library
        self._folder = library.home / "quarantine"
        self._unlocked = unlocked
        self._limiter = anyio.CapacityLimiter(1)  # a file may have a gigabyte, and the sandbox needs as much again

    async def upload(self, parts: AsyncIterator[bytes], name: str) -> dict[str, Any]:
        """Store a file and preview it: its passport, its first image (a data URL), and the `id` to keep it by.

        A file that is refused has been removed when the error is raised.
        """
        id = secrets.token_hex(8)
        path = self._folder / id
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._remove_oldest()
            async with await anyio.open_file(path, "wb") as file:
                async for part in parts:
                    await file.write(part)
            return await anyio.to_thread.run_sync(self._preview, id, name, limiter=self._limiter)
        except OSError as error:
            atomic_files.remove(path)
            raise atomic_files.storage_error(path, error) from error
        except BaseException:
            atomic_files.remove(path)
            raise

    async def preview(self, id: str, name: str, graph: GraphOptions | None) -> dict[str, Any]:
        """Preview an uploaded ONNX graph again, as its owner says that it is to be taken."""
        self._path(id)
        return await anyio.to_thread.run_sync(self._preview, id, name, graph, limiter=self._limiter)

    async def keep(
        self, id: str, name: str, title: str, card: Mapping[str, str], golden: str, graph: GraphOptions | None = None
    ) -> str:
        """Keep a previewed file as a generator called `name`; Invalid unless `golden` is still the hash of its image.

        Returns the name.
        """
        return await anyio.to_thread.run_sync(self._keep, id, name, title, card, golden, graph, limiter=self._limiter)

    def discard(self, id: str) -> None:
        """Remove a file."""
        atomic_files.remove(self._path(id))

    def sweep(self) -> None:
        """Remove every file, as left by an earlier server."""
        for path in self._files():
            atomic_files.remove(path)

    def _keep(
        self, id: str, name: str, title: str, card: Mapping[str, str], golden: str, graph: GraphOptions | None
    ) -> str:
        path = self._path(id)
        year = datetime.date.today().year
        preview = checkpoint_import.preview_checkpoint(
            path, name, year, title=title, card=card, unlocked=self._unlocked, graph=graph
        )
        if preview.golden != golden:
            raise Invalid("The file renders a different image from its preview.", "Upload the file again.")
        checkpoint_import.keep_checkpoint(self._library, preview)
        atomic_files.remove(path)
        return name

    def _preview(self, id: str, name: str, graph: GraphOptions | None = None) -> dict[str, Any]:
        year = datetime.date.today().year
        preview = checkpoint_import.preview_checkpoint(
            self._folder / id, name, year, unlocked=self._unlocked, file_name=name, graph=graph
        )
        image = image_codec.to_image(image_codec.to_pixels(preview.picture[None])[0], PREVIEW)
        data = base64.b64encode(image_codec.encode(image, "png")).decode()
        return {"id": id, **preview.view(), "picture": f"data:image/png;base64,{data}"}

    def _path(self, id: str) -> Path:
        path = self._folder / id
        if not _ID.fullmatch(id) or not path.is_file():
            raise NotFound("The uploaded file is no longer here.", "Upload it again.")
        return path

    def _remove_oldest(self) -> None:
        for path in self._files()[: -(CAPACITY - 1)]:
            atomic_files.remove(path)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime)
