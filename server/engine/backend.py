"""The interface for rendering and learning, and its implementation on the device of this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from latentwalk.edit import Edit
from latentwalk.errors import LatentwalkError
from latentwalk.rendering import draw
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.image_codec import Format, Pixels
from models.base import Precision
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.engine.preview_queue import ClientSlot, PreviewRequest
from server.engine.renderer import Renderer
from server.jobs.task import Task
from server.storage.db.job import Kind


class TaskBuilder(Protocol):
    """Builds the tasks of learning jobs. The services implement it; the engine only runs what it builds."""

    async def task(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """The task for a stored request; LatentwalkError if the request cannot be met."""
        ...


@dataclass(frozen=True, slots=True)
class GeneratorStatus:
    """Facts about a loaded generator: the precision of its previews."""

    precision: Precision


class Backend(Protocol):
    """Renders images and creates learning tasks, in this process or on a cluster.

    All methods raise LatentwalkError if they fail, except `preview`, which returns it.
    """

    @property
    def device(self) -> str:
        """A short description of the devices that render."""

    @property
    def learners(self) -> int:
        """The number of learning jobs that can run at a time."""

    async def load(self, generator: str) -> GeneratorStatus:
        """Load a generator."""

    def loaded(self) -> Mapping[str, GeneratorStatus]:
        """The loaded generators."""

    async def preview(self, slot: ClientSlot, request: PreviewRequest) -> tuple[PreviewRequest, Answer]:
        """A JPEG preview of `request`, or of a newer one that its slot holds by then; or the error instead."""

    async def still(
        self, edit: Edit, format: Format = "png", *, longest: int | None = None,
        priority: Priority = Priority.STILL, person: str = "",
    ) -> Frame:  # fmt: skip
        """The exact image of an edit as a file, at most `longest` pixels on its longer side."""

    async def pixels(self, edit: Edit, priority: Priority = Priority.STILL) -> Pixels:
        """The exact image of an edit, uint8 [H, W, C]."""

    async def task(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """The task that learns what `request` asks for; an invalid request fails here, before there is a job."""

    def waiting(self) -> int:
        """The number of images that wait."""

    def workers(self) -> int:
        """The number of devices that can render now."""

    async def close(self) -> None:
        """Answer everyone who waits with an error, and stop."""


class EmbeddedBackend:
    """The backend of a single process: one generator cache and one inference thread."""

    learners = 1

    def __init__(
        self,
        generator_cache: GeneratorCache,
        inference_thread: InferenceThread,
        renderer: Renderer,
        task_builder: TaskBuilder,
    ) -> None:
        self._generator_cache, self._inference_thread = generator_cache, inference_thread
        self._renderer, self._task_builder = renderer, task_builder

    @property
    def device(self) -> str:
        """The name of the torch device."""
        return str(self._generator_cache.device)

    async def load(self, generator: str) -> GeneratorStatus:
        """Load a generator into the cache."""
        return GeneratorStatus((await self._generator_cache.get(generator)).quick.precision)

    def loaded(self) -> Mapping[str, GeneratorStatus]:
        """The generators in the cache."""
        generators = self._generator_cache.loaded()
        return {name: GeneratorStatus(generator.quick.precision) for name, generator in generators.items()}

    async def preview(self, slot: ClientSlot, request: PreviewRequest) -> tuple[PreviewRequest, Answer]:
        """As `Backend.preview`."""
        try:
            generator = await self._generator_cache.get(request.edit.generator)
        except LatentwalkError as error:
            return request, error
        return await self._renderer.preview(slot, request, generator)

    async def still(
        self, edit: Edit, format: Format = "png", *, longest: int | None = None,
        priority: Priority = Priority.STILL, person: str = "",
    ) -> Frame:  # fmt: skip
        """As `Backend.still`."""
        generator = await self._generator_cache.get(edit.generator)
        return await self._renderer.still(edit, generator, format, longest=longest, priority=priority, person=person)

    async def pixels(self, edit: Edit, priority: Priority = Priority.STILL) -> Pixels:
        """As `Backend.pixels`."""
        generator = await self._generator_cache.get(edit.generator)
        return await self._inference_thread.run(priority, lambda: draw.draw(edit, generator))

    async def task(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """As `Backend.task`."""
        return await self._task_builder.task(kind, request)

    def waiting(self) -> int:
        """The number of images that wait."""
        return self._renderer.waiting()

    def workers(self) -> int:
        """1: the device of this process."""
        return 1

    async def close(self) -> None:
        """Stop the renderer; the cache and the thread belong to their creator."""
        self._renderer.close()
