"""Sheets of exact images: the wall at rest, and the grid of seeds that a route and a command make."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Sequence

from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.rendering import draw
from latentwalk.rendering.frame import Frame
from latentwalk.rendering.image_codec import Pixels, decoded
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.rendering.sheet import captioned, tiled
from server.engine.backend import Backend
from server.engine.inference_thread import Priority

MOST_SEEDS = 64


def of_seeds(edit: Edit, seeds: Sequence[int]) -> list[Edit]:
    """The edit with each seed in place of its base. Invalid for no or too many seeds."""
    if not 1 <= len(seeds) <= MOST_SEEDS:
        raise Invalid(f"A grid has 1 to {MOST_SEEDS} seeds, not {len(seeds)}.", "Choose fewer, such as 1-9.")
    return [edit.model_copy(update={"base": type(edit.base)(seed=seed)}) for seed in seeds]


async def settled_sheet(backend: Backend, edits: Sequence[Edit], person: str) -> Frame:
    """The exact images of a wall as one PNG."""
    begin = time.perf_counter()
    pictures = await _exact_images(backend, edits, Priority.SETTLE, person)
    rendered = time.perf_counter() - begin
    return await asyncio.to_thread(
        lambda: draw.frame(tiled(pictures), "png", None, None, size=len(edits), waited=0.0, rendered=rendered)
    )


async def grid_file(backend: Backend, edits: Sequence[Edit], columns: int | None, person: str) -> bytes:
    """A PNG of the exact images of edits that differ by their seed, each with its seed below."""
    pictures = await _exact_images(backend, edits, Priority.STILL, person)
    return await asyncio.to_thread(_file, edits, pictures, columns)


def draw_grid(edits: Sequence[Edit], generator: LoadedGenerator, columns: int | None) -> bytes:
    """As `grid_file`, rendered in this thread."""
    return _file(edits, [draw.draw(edit, generator) for edit in edits], columns)


async def _exact_images(backend: Backend, edits: Sequence[Edit], priority: Priority, person: str) -> list[Pixels]:
    # One by one, as stills that count towards the person's share: others are served in between.
    files = [(await backend.still(edit, "png", priority=priority, person=person)).data for edit in edits]
    return await asyncio.to_thread(lambda: [decoded(file) for file in files])


def _file(edits: Sequence[Edit], pictures: Sequence[Pixels], columns: int | None) -> bytes:
    file = io.BytesIO()
    captioned(pictures, [f"seed {edit.base.seed}" for edit in edits], columns).save(file, "png")
    return file.getvalue()
