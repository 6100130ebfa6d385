"""The generators at hand: loaded once, however many ask at the same time, the least used one let go."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping

import torch

from latentwalk.errors import LatentwalkError, ModelFailed
from latentwalk.rendering import precision, preview_resolution
from latentwalk.rendering.loaded_generator import LoadedGenerator
from server.engine.inference_thread import InferenceThread, Priority
from server.storage.library import Library

log = logging.getLogger(__name__)


class GeneratorCache:
    """At most `room` loaded generators. Loading happens off the event loop, measuring on the inference thread."""

    def __init__(self, library: Library, lane: InferenceThread, device: torch.device, room: int = 3) -> None:
        self._library = library
        self._lane = lane
        self.device = device
        self._room = room
        self._ready: OrderedDict[str, LoadedGenerator] = OrderedDict()
        self._loading: dict[str, asyncio.Task[LoadedGenerator]] = {}

    def loaded(self) -> Mapping[str, LoadedGenerator]:
        """What is in memory now, the least used first."""
        return self._ready

    async def get(self, name: str) -> LoadedGenerator:
        """The generator, loaded if need be; a load that failed is tried again by the next who asks."""
        if (ready := self._ready.get(name)) is not None:
            self._ready.move_to_end(name)
            return ready
        if name not in self._loading:
            task = asyncio.create_task(self._load(name), name=f"load {name}")
            self._loading[name] = task
            task.add_done_callback(lambda done: self._loaded(name, done))
        return await asyncio.shield(self._loading[name])  # one impatient caller must not stop the others' load

    async def close(self) -> None:
        """Stop loading and let everything go."""
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)
        self._ready.clear()

    async def _load(self, name: str) -> LoadedGenerator:
        try:
            exact = await asyncio.to_thread(self._library.load, name, self.device)
            quick = await self._lane.run(Priority.STILL, lambda: precision.choose(exact))
            small = await self._lane.run(Priority.STILL, lambda: preview_resolution.choose(quick))
        except LatentwalkError:
            raise
        except Exception as error:  # damaged weights may raise anything; people get one sentence, the log all of it
            log.exception("%s could not be loaded", name)
            raise ModelFailed(f"{name} could not be loaded.", "The server's log says why.") from error
        return LoadedGenerator(exact, quick, lambda: self._library.directions(name), small)

    def _loaded(self, name: str, done: asyncio.Task[LoadedGenerator]) -> None:
        del self._loading[name]
        if done.cancelled() or done.exception() is not None:
            return
        self._ready[name] = done.result()
        while len(self._ready) > self._room:
            self._ready.popitem(last=False)
