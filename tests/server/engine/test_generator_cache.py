"""The generator cache: one load however many ask, and room for a few."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.errors import ModelFailed, NotFound
from models.base import Generator
from server.engine.generator_cache import GeneratorCache
from server.engine.inference_thread import InferenceThread


class Slow:
    """A library whose loads take a moment and are counted."""

    def __init__(self, make: Callable[..., Generator]) -> None:
        self.make, self.loads, self.broken = make, list[str](), False

    def load(self, name: str, device: object = "cpu") -> Generator:
        self.loads.append(name)
        time.sleep(0.05)
        if name == "nope":
            raise NotFound("There is no generator “nope”.")
        if self.broken:
            raise RuntimeError("size mismatch for main.0.weight\n and a long traceback")
        return self.make(name)

    def directions(self, name: str) -> Mapping[str, Direction]:
        return {}


@pytest.fixture
def library(make_generator: Callable[..., Generator]) -> Slow:
    return Slow(make_generator)


@pytest.fixture
def inference_thread() -> Iterator[InferenceThread]:
    made = InferenceThread()
    yield made
    made.close()


def _cache(library: Any, inference_thread: InferenceThread, room: int = 2) -> GeneratorCache:
    return GeneratorCache(library, inference_thread, torch.device("cpu"), room)


async def test_many_who_ask_at_once_wait_for_one_load(library: Slow, inference_thread: InferenceThread) -> None:
    cache = _cache(library, inference_thread)
    found = await asyncio.gather(*(cache.get("a") for _ in range(10)))
    assert library.loads == ["a"]
    assert all(ready is found[0] for ready in found)


async def test_the_event_loop_stays_free_while_loading(library: Slow, inference_thread: InferenceThread) -> None:
    task = asyncio.create_task(_cache(library, inference_thread).get("a"))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks >= 5


async def test_the_least_used_is_let_go(library: Slow, inference_thread: InferenceThread) -> None:
    cache = _cache(library, inference_thread)
    for name in ("a", "b", "a", "c"):
        await cache.get(name)
    assert list(cache.loaded()) == ["a", "c"]


async def test_a_failed_load_reaches_all_who_wait_and_is_tried_again(
    library: Slow, inference_thread: InferenceThread
) -> None:
    cache = _cache(library, inference_thread)
    answers = await asyncio.gather(*(cache.get("nope") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, NotFound) for answer in answers)
    library.broken = True
    with pytest.raises(ModelFailed, match=r"^a could not be loaded\.$"):
        await cache.get("a")
    library.broken = False
    assert (await cache.get("a")).spec.name == "a"


async def test_one_impatient_caller_does_not_stop_the_others(library: Slow, inference_thread: InferenceThread) -> None:
    cache = _cache(library, inference_thread)
    first, second = (asyncio.create_task(cache.get("a")) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).spec.name == "a"
    assert library.loads == ["a"]


async def test_closing_in_the_middle_of_a_load_ends(library: Slow, inference_thread: InferenceThread) -> None:
    cache = _cache(library, inference_thread)
    task = asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0.01)
    await cache.close()
    await asyncio.gather(task, return_exceptions=True)
    assert not cache.loaded()
    assert threading.active_count() < 50
