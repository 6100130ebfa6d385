"""Keeps generators in memory: each is loaded once for all who ask, and the least recently used one is evicted."""

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
    """At most `capacity` loaded generators. Weights load off the event loop; benchmarks run on the inference thread."""

    def __init__(
        self, library: Library, inference_thread: InferenceThread, device: torch.device, capacity: int = 3
    ) -> None:
        self._library = library
        self._inference_thread = inference_thread
        self.device = device
        self._capacity = capacity
        self._generators: OrderedDict[str, LoadedGenerator] = OrderedDict()
        self._loading: dict[str, asyncio.Task[LoadedGenerator]] = {}

    def loaded(self) -> Mapping[str, LoadedGenerator]:
        """The generators in memory, the least recently used first."""
        return self._generators

    async def get(self, name: str) -> LoadedGenerator:
        """The generator, loaded if necessary. A load that failed is tried again at the next call.

        NotFound if it is unknown or not downloaded, ModelFailed if it cannot be loaded.
        """
        if (loaded := self._generators.get(name)) is not None:
            self._generators.move_to_end(name)
            return loaded
        if name not in self._loading:
            task = asyncio.create_task(self._load(name), name=f"load {name}")
            self._loading[name] = task
            task.add_done_callback(lambda task: self._on_loaded(name, task))
        return await asyncio.shield(self._loading[name])  # a cancelled caller must not cancel the load for others

    async def close(self) -> None:
        """Cancel loading and release all generators."""
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)
        self._generators.clear()

    async def _load(self, name: str) -> LoadedGenerator:
        try:
            exact = await asyncio.to_thread(self._library.load, name, self.device)
            quick = await self._inference_thread.run(Priority.STILL, lambda: precision.choose(exact))
            small = await self._inference_thread.run(Priority.STILL, lambda: preview_resolution.choose(quick))
        except LatentwalkError:
            raise
        except Exception as error:  # damaged weights may raise anything; the log gets the traceback
            log.exception("%s could not be loaded", name)
            raise ModelFailed(f"{name} could not be loaded.", "The server's log has the details.") from error
        return LoadedGenerator(exact, quick, lambda: self._library.directions(name), small)

    def _on_loaded(self, name: str, task: asyncio.Task[LoadedGenerator]) -> None:
        del self._loading[name]
        if task.cancelled() or task.exception() is not None:
            return
        self._generators[name] = task.result()
        while len(self._generators) > self._capacity:
            self._generators.popitem(last=False)
