"""Ask a regressor for the score of one edit, and try an uploaded one, between two frames of the live view."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from latentwalk.edit import Edit
from latentwalk.latents.resolve import resolve
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.scores.scoring import scores
from models.regressors.protocol import Regressor
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.services.regressors import uploads
from server.storage.regressors import RegressorEntry, Regressors


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


class RegressorTrials:
    """Runs a regressor on a generator's images on the inference thread of a server."""

    def __init__(
        self, regressors: Regressors, generator_cache: GeneratorCache, inference_thread: InferenceThread
    ) -> None:
        self._regressors, self._generator_cache = regressors, generator_cache
        self._inference_thread = inference_thread

    async def score(self, name: str, edit: Edit) -> Score:
        """Score an edit's image."""
        entry = self._regressors.find(name)
        loaded = await self._generator_cache.get(edit.generator)
        regressor = await asyncio.to_thread(self._regressors.load, name)
        value = await self._inference_thread.run(Priority.STILL, lambda: score(regressor, edit, loaded))
        return Score(entry, value)

    async def confirm_plan(self, name: str, changes: Mapping[str, Any], generator: str) -> RegressorEntry:
        """Try an uploaded regressor on a generator's images, and keep its input plan if the scores make sense."""
        loaded = await self._generator_cache.get(generator)
        return await self._inference_thread.run(
            Priority.STILL, lambda: uploads.confirm_plan(self._regressors, name, changes, loaded.exact)
        )
