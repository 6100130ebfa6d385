"""Scores by a sandbox: waited for off the device, a few at a time, and given up where a model never ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from latentwalk.edit import Edit
from latentwalk.errors import Conflict, LatentwalkError, TooMuch
from models.catalogue import local
from models.regressors.onnx import regressor as onnx_regressor
from models.sandbox.client import SandboxTimeout
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread, Priority
from server.services.regressors.scoring import MOST_PER_PERSON, RegressorTrials
from server.storage.library import Library
from server.storage.regressors import Regressors
from tests.conftest import styled
from tests.onnx_files import keep_endless

EDIT = Edit.model_validate({"generator": "styled", "base": {"seed": 7}})


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_regressor, "SECONDS", 0.6)


@asynccontextmanager
async def trials(home: Path) -> AsyncIterator[tuple[RegressorTrials, Regressors, InferenceThread]]:
    local.save(home / "generators", *styled())
    regressors, inference_thread = Regressors(home), InferenceThread()
    keep_endless(regressors)
    cache = GeneratorCache(Library(home), inference_thread, "cpu", 2)
    await cache.get("styled")
    try:
        yield RegressorTrials(regressors, cache, inference_thread), regressors, inference_thread
    finally:
        inference_thread.close()
        await cache.close()


async def test_a_regressor_that_never_ends_holds_nobody_back_and_is_suspended(home: Path) -> None:
    async with trials(home) as (made, regressors, inference_thread):
        score = asyncio.ensure_future(made.score("endless", EDIT, person="one"))
        waits = []
        while not score.done():
            begin = time.perf_counter()
            await inference_thread.run(Priority.PREVIEW, lambda: None)
            waits.append(time.perf_counter() - begin)
            await asyncio.sleep(0.005)
        assert max(waits) < 0.4
        assert isinstance(score.exception(), SandboxTimeout)
        assert regressors.find("endless").suspended is None
        with pytest.raises(SandboxTimeout):
            await made.score("endless", EDIT, person="two")
        assert regressors.find("endless").suspended
        with pytest.raises(Conflict, match="suspended"):
            await made.score("endless", EDIT, person="three")
        with pytest.raises(Conflict, match="suspended"):
            await made.confirm_plan("endless", {}, "styled")
        with pytest.raises(Conflict, match="suspended"):
            regressors.usable("endless")
        resumed = regressors.resume("endless")
        assert (resumed.suspended, resumed.timeouts) == (None, ())
        with pytest.raises(SandboxTimeout):
            await made.score("endless", EDIT)


async def test_one_person_has_few_scores_waiting_and_others_are_admitted(home: Path) -> None:
    async with trials(home) as (made, _, _thread):
        asked = [asyncio.ensure_future(made.score("endless", EDIT, person="one")) for _ in range(MOST_PER_PERSON)]
        await asyncio.sleep(0.1)
        with pytest.raises(TooMuch, match="not finished"):
            await made.score("endless", EDIT, person="one")
        other = asyncio.ensure_future(made.score("endless", EDIT, person="two"))
        with suppress(LatentwalkError):
            await other
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(result) for result in results[1:]] != [SandboxTimeout] * 3  # the second timeout suspends it
        assert all(isinstance(result, LatentwalkError) for result in results)
