"""What draws and learns: one interface, behind which it happens in this process or on other machines."""

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
from server.jobs.job import Kind
from server.jobs.task import Task
from server.services.learning import LearningTasks


@dataclass(frozen=True, slots=True)
class GeneratorStatus:
    """What is known of a generator once it is loaded: what its previews are computed in."""

    precision: Precision


class Backend(Protocol):
    """Every method but `preview`, which answers with it, raises LatentwalkError where something cannot be done."""

    @property
    def device(self) -> str:
        """What draws, in a few words."""

    @property
    def learners(self) -> int:
        """How many jobs can learn at once."""

    async def load(self, generator: str) -> GeneratorStatus:
        """Have a generator ready to be drawn with."""

    def loaded(self) -> Mapping[str, GeneratorStatus]:
        """The generators that are ready."""

    async def preview(self, slot: ClientSlot, wish: PreviewRequest) -> tuple[PreviewRequest, Answer]:
        """A quick JPEG of `wish`, or of a newer one that its slot holds when the turn comes; or why not."""

    async def still(
        self, edit: Edit, format: Format = "png", *, longest: int | None = None,
        priority: Priority = Priority.STILL, person: str = "",
    ) -> Frame:  # fmt: skip
        """The exact picture of an edit, as a file of at most `longest` px on a side."""

    async def pixels(self, edit: Edit, priority: Priority = Priority.STILL) -> Pixels:
        """The exact picture of an edit, uint8 [H, W, C]."""

    async def plan(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        """How something is learned; refused here, before there is a job, where it cannot be."""

    def waiting(self) -> int:
        """How many pictures wait."""

    def workers(self) -> int:
        """How many devices draw just now."""

    async def close(self) -> None:
        """Answer everybody who waits, and stop."""


class EmbeddedBackend:
    """The backend of one process: its own shelf, and the one lane to its device."""

    learners = 1

    def __init__(
        self, shelf: GeneratorCache, lane: InferenceThread, renderer: Renderer, workshop: LearningTasks
    ) -> None:
        self._shelf, self._lane, self._renderer, self._workshop = shelf, lane, renderer, workshop

    @property
    def device(self) -> str:
        return str(self._shelf.device)

    async def load(self, generator: str) -> GeneratorStatus:
        return GeneratorStatus((await self._shelf.get(generator)).quick.precision)

    def loaded(self) -> Mapping[str, GeneratorStatus]:
        return {name: GeneratorStatus(ready.quick.precision) for name, ready in self._shelf.loaded().items()}

    async def preview(self, slot: ClientSlot, wish: PreviewRequest) -> tuple[PreviewRequest, Answer]:
        try:
            ready = await self._shelf.get(wish.edit.generator)
        except LatentwalkError as error:
            return wish, error
        return await self._renderer.preview(slot, wish, ready)

    async def still(
        self, edit: Edit, format: Format = "png", *, longest: int | None = None,
        priority: Priority = Priority.STILL, person: str = "",
    ) -> Frame:  # fmt: skip
        ready = await self._shelf.get(edit.generator)
        return await self._renderer.still(edit, ready, format, longest=longest, priority=priority, person=person)

    async def pixels(self, edit: Edit, priority: Priority = Priority.STILL) -> Pixels:
        ready = await self._shelf.get(edit.generator)
        return await self._lane.run(priority, lambda: draw.draw(edit, ready))

    async def plan(self, kind: Kind, request: Mapping[str, Any]) -> Task:
        return await self._workshop.plan(kind, request)

    def waiting(self) -> int:
        return self._renderer.waiting()

    def workers(self) -> int:
        return 1

    async def close(self) -> None:
        self._renderer.close()
