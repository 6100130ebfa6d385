"""Render an edit to an image file that says what it is: its recipe in it, signed, and recorded in the ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path

from latentwalk.edit import Edit
from latentwalk.provenance.signing import FileSigner
from latentwalk.provenance.stills import still_file
from latentwalk.rendering import image_codec
from latentwalk.rendering.draw import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models import atomic_files
from server.engine.backend import Backend
from server.engine.generator_cache import GeneratorCache


class Stills:
    """Renders signed image files on the backend of a server."""

    def __init__(self, generator_cache: GeneratorCache, backend: Backend, signer: FileSigner) -> None:
        self._generator_cache, self._backend, self._signer = generator_cache, backend, signer

    async def render(self, edit: Edit, format: image_codec.Format, *, size: int | None, mark: bool) -> bytes:
        """The file of an edit, its longest side at most `size` px; `mark` writes on it that it is AI-generated."""
        loaded = await self._generator_cache.get(edit.generator)
        pixels = await self._backend.pixels(edit)
        return await asyncio.to_thread(
            lambda: still_file(edit, pixels, loaded, self._signer, format=format, size=size, mark=mark)
        )


def save_still(edit: Edit, loaded: LoadedGenerator, signer: FileSigner, path: Path, format: image_codec.Format) -> None:
    """Render an edit in this thread and write its file to `path`."""
    pixels = draw(edit, loaded)
    atomic_files.write(path, still_file(edit, pixels, loaded, signer, format=format, title=path.stem))
