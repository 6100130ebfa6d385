"""Ask a regressor for the score of one edit, and try an uploaded one, between two frames of the live view."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from latentwalk.edit import Edit
from latentwalk.errors import TooMuch
from latentwalk.latents.resolve import resolve
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.scores.scoring import scores
from models.regressors.protocol import Regressor
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.fair_semaphore import FairSemaphore
from server.services.regressors import uploads
from server.storage.regressors import RegressorEntry, Regressors

T = TypeVar("T")
CONCURRENT = 2  # sandboxes that score at a time, for everybody together
MOST_PER_PERSON = 4  # scores by sandboxes that one person may have waiting, one of them being computed


@dataclass(frozen=True, slots=True)
class Score:
    """A regressor's score of one image, in the regressor's unit."""

    entry: RegressorEntry
    value: float


def image(edit: Edit, loaded: LoadedGenerator) -> Tensor:
    """An edit's image at full precision, [1, C, H, W]."""
    latent, classes = resolve(edit, loaded.exact, loaded.directions())
    with torch.inference_mode():
        return loaded.exact.synthesize(latent, classes)


def score(regressor: Regressor, edit: Edit, loaded: LoadedGenerator) -> float:
    """The score of an edit's image at full precision."""
    picture = image(edit, loaded)
    with torch.inference_mode():
        return float(scores(regressor, picture)[0])


class SandboxTurns:
    """Limits the sandboxes that score at a time: one for each person, CONCURRENT in all, people taking turns."""

    def __init__(self) -> None:
        self._all = FairSemaphore(CONCURRENT)
        self._own: dict[str, FairSemaphore] = {}
        self._asked: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(CONCURRENT, thread_name_prefix="score")

    @contextlib.asynccontextmanager
    async def turn(self, person: str) -> AsyncIterator[ThreadPoolExecutor]:
        """Wait for a turn; gives the threads to wait for the sandbox on. TooMuch where the person has many waiting."""
        if self._asked[person] >= MOST_PER_PERSON:
            raise TooMuch(
                f"{MOST_PER_PERSON} scores that you asked for are not finished.", "Wait for them, or score less often."
            )
        self._asked[person] += 1
        try:
            own = self._own.setdefault(person, FairSemaphore())
            async with own.acquire(), self._all.acquire(person):
                yield self._threads
        finally:
            self._asked[person] -= 1
            if not self._asked[person]:
                del self._asked[person], self._own[person]


class RegressorTrials:
    """Runs a regressor on a generator's images. The device draws them; a sandbox is waited for elsewhere."""

    def __init__(
        self, regressors: Regressors, generator_cache: GeneratorCache, inference_thread: InferenceThread
    ) -> None:
        self._regressors, self._generator_cache = regressors, generator_cache
        self._inference_thread, self._sandboxes = inference_thread, SandboxTurns()

    async def score(self, name: str, edit: Edit, *, person: str = "") -> Score:
        """Score an edit's image."""
        entry = self._regressors.find(name)
        regressor = await asyncio.to_thread(self._regressors.load, name)
        loaded = await self._generator_cache.get(edit.generator)
        if entry.spec.kind != "onnx":
            run = functools.partial(score, regressor, edit, loaded)
            return Score(entry, await self._inference_thread.run(Priority.STILL, run, person))
        async with self._sandboxes.turn(person) as threads:
            regressor = await asyncio.to_thread(self._regressors.load, name)  # suspended meanwhile, perhaps
            picture = await self._inference_thread.run(Priority.STILL, lambda: image(edit, loaded).cpu(), person)
            wait = functools.partial(scores, regressor, picture)
            values = await _to_end(asyncio.get_running_loop().run_in_executor(threads, wait))
            return Score(entry, float(values[0]))

    async def confirm_plan(
        self, name: str, changes: Mapping[str, Any], generator: str, *, person: str = ""
    ) -> RegressorEntry:
        """Try an uploaded regressor on a generator's images, and keep its input plan if the scores make sense."""
        loaded = await self._generator_cache.get(generator)
        confirm = functools.partial(uploads.confirm_plan, self._regressors, name, changes, loaded.exact)
        async with self._sandboxes.turn(person):
            return await _to_end(self._inference_thread.run(Priority.STILL, confirm, person))


async def _to_end(waiting: Awaitable[T]) -> T:
    # Also if the caller has gone: the sandbox is busy until it ends, and so is its place.
    future = asyncio.ensure_future(waiting)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await future
        raise
