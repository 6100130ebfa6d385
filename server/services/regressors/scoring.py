"""Ask a regressor for the score of one edit, and try an uploaded one, between two frames of the live view."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from latentwalk.edit import Edit
from latentwalk.errors import TooMuch
from latentwalk.latents.resolve import resolve
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.scores.scoring import scores
from models.regressors.protocol import Regressor
from server.auth.roles import account_of
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.fair_semaphore import FairSemaphore
from server.services.regressors import uploads
from server.storage.regressor_entry import RegressorEntry
from server.storage.regressors import Regressors

T = TypeVar("T")
CONCURRENT = 2  # sandboxes that score at a time, for everybody together
MOST_PER_PERSON = 4  # scores by sandboxes that one person may have waiting, one of them being computed


@dataclass(frozen=True, slots=True)
class Score:
    """A regressor's score of one image, in the regressor's unit."""

    entry: RegressorEntry
    value: float


def score(regressor: Regressor, edit: Edit, loaded: LoadedGenerator) -> float:
    """The score of an edit's image at full precision."""
    latent, classes = resolve(edit, loaded.exact, loaded.directions())
    with torch.inference_mode():
        image = loaded.exact.synthesize(latent, classes)
        return float(scores(regressor, image)[0])


class SandboxTurns:
    """Limits the sandboxes that score at a time: one for each person, CONCURRENT in all, people taking turns."""

    def __init__(self) -> None:
        self._all: FairSemaphore[str] = FairSemaphore(CONCURRENT)
        self._own: dict[str, FairSemaphore[str]] = {}
        self._asked: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def turn(self, person: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it in the block. TooMuch where the person has many waiting."""
        account = account_of(person)
        if self._asked[account] >= MOST_PER_PERSON:
            raise TooMuch(
                f"{MOST_PER_PERSON} scores that you asked for are not finished.", "Wait for them, or score less often."
            )
        self._asked[account] += 1
        try:
            own = self._own.setdefault(account, FairSemaphore())
            async with own.acquire(), self._all.acquire(person):
                yield
        finally:
            self._asked[account] -= 1
            if not self._asked[account]:
                del self._asked[account], self._own[account]


class RegressorTrials:
    """Runs a regressor on a generator's images. The device draws them; a sandbox is waited for off the device."""

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
        run = functools.partial(score, regressor, edit, loaded)
        if entry.spec.kind != "onnx":
            return Score(entry, await self._inference_thread.run(Priority.STILL, run, person))
        async with self._sandboxes.turn(person):
            await asyncio.to_thread(self._regressors.load, name)  # refused if it was suspended meanwhile
            return Score(entry, await _to_end(self._inference_thread.run(Priority.STILL, run, person)))

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
