"""The shelf: one load however many ask, and room for a few."""

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
def lane() -> Iterator[InferenceThread]:
    made = InferenceThread()
    yield made
    made.close()


def _shelf(library: Any, lane: InferenceThread, room: int = 2) -> GeneratorCache:
    return GeneratorCache(library, lane, torch.device("cpu"), room)


async def test_many_who_ask_at_once_wait_for_one_load(library: Slow, lane: InferenceThread) -> None:
    shelf = _shelf(library, lane)
    found = await asyncio.gather(*(shelf.get("a") for _ in range(10)))
    assert library.loads == ["a"]
    assert all(ready is found[0] for ready in found)


async def test_the_event_loop_stays_free_while_loading(library: Slow, lane: InferenceThread) -> None:
    task = asyncio.create_task(_shelf(library, lane).get("a"))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks >= 5


async def test_the_least_used_is_let_go(library: Slow, lane: InferenceThread) -> None:
    shelf = _shelf(library, lane)
    for name in ("a", "b", "a", "c"):
        await shelf.get(name)
    assert list(shelf.loaded()) == ["a", "c"]


async def test_a_failed_load_reaches_all_who_wait_and_is_tried_again(library: Slow, lane: InferenceThread) -> None:
    shelf = _shelf(library, lane)
    answers = await asyncio.gather(*(shelf.get("nope") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, NotFound) for answer in answers)
    library.broken = True
    with pytest.raises(ModelFailed, match=r"^a could not be loaded\.$"):
        await shelf.get("a")
    library.broken = False
    assert (await shelf.get("a")).spec.name == "a"


async def test_one_impatient_caller_does_not_stop_the_others(library: Slow, lane: InferenceThread) -> None:
    shelf = _shelf(library, lane)
    first, second = (asyncio.create_task(shelf.get("a")) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).spec.name == "a"
    assert library.loads == ["a"]


async def test_closing_in_the_middle_of_a_load_ends(library: Slow, lane: InferenceThread) -> None:
    shelf = _shelf(library, lane)
    task = asyncio.create_task(shelf.get("a"))
    await asyncio.sleep(0.01)
    await shelf.close()
    await asyncio.gather(task, return_exceptions=True)
    assert not shelf.loaded()
    assert threading.active_count() < 50
