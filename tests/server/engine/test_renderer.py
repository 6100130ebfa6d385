"""The renderer: the pile is the batch, the newest wish wins, and every caller is answered."""

from __future__ import annotations

import asyncio
import io
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit, canonical, parse
from latentwalk.errors import Invalid, LatentwalkError, ModelFailed, Overloaded
from latentwalk.rendering import image_codec
from latentwalk.rendering.draw import draw
from latentwalk.rendering.frame import Answer, Frame
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator, Precision
from server.engine.inference_thread import InferenceThread, Priority
from server.engine.preview_queue import ClientSlot, PreviewRequest
from server.engine.renderer import Renderer


class Watched:
    """A generator that notes its batches, can be held up, and can fail."""

    def __init__(self, inner: Generator) -> None:
        self.inner, self.spec, self.device = inner, inner.spec, inner.device
        self.precision: Precision = "fp32"
        self.differentiable = inner.differentiable
        self.batches: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.failing: Exception | None = None
        self.seconds = 0.0

    def sample(self, seeds: Sequence[int]) -> Tensor:
        return self.inner.sample(seeds)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        return self.inner.map(z, classes, truncation)

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        self.batches.append(len(latent))
        self.go.wait(10)
        time.sleep(self.seconds)
        if self.failing is not None:
            raise self.failing
        return self.inner.synthesize(latent, classes)

    def at(self, precision: Precision) -> Generator:
        return self

    def first_layer(self, classes: Tensor | None) -> None:
        return None

    def input_weights(self) -> Tensor:
        return self.inner.input_weights()


@pytest.fixture
def watched(tiny: Generator) -> Watched:
    return Watched(tiny)


@pytest.fixture
def ready(watched: Watched, make_slider: Callable[..., Direction]) -> LoadedGenerator:
    sway = make_slider(watched.spec)
    return LoadedGenerator(watched, watched, lambda: {"sway": sway})


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    inference_thread = InferenceThread()
    made = Renderer(inference_thread, max_batch=4, max_waiting=64)
    yield made
    made.close()
    inference_thread.close()


def edit(seed: int = 1, **fields: object) -> Edit:
    return parse({"generator": "tiny", "base": {"seed": seed}, **fields})


def ask(renderer: Renderer, ready: LoadedGenerator, *edits: Edit) -> list[asyncio.Task[tuple[PreviewRequest, Answer]]]:
    return [
        asyncio.create_task(renderer.preview(ClientSlot(), PreviewRequest(rev, one), ready))
        for rev, one in enumerate(edits)
    ]


def opened(frame: Answer) -> np.ndarray:
    assert isinstance(frame, Frame), frame
    return np.asarray(Image.open(io.BytesIO(frame.data))).astype(int)


async def test_what_piles_up_while_the_device_works_is_the_next_batch(
    renderer: Renderer, ready: LoadedGenerator, watched: Watched
) -> None:
    watched.go.clear()
    first = ask(renderer, ready, edit(0))
    while not watched.batches:
        await asyncio.sleep(0.001)
    rest = ask(renderer, ready, *(edit(seed) for seed in range(1, 7)))
    await asyncio.sleep(0.01)
    watched.go.set()
    await asyncio.gather(*first, *rest)
    assert watched.batches == [1, 4, 2]


async def test_everybody_gets_their_own_picture(renderer: Renderer, ready: LoadedGenerator, watched: Watched) -> None:
    answers = await asyncio.gather(*ask(renderer, ready, *(edit(seed) for seed in range(20))))
    for seed, (wish, frame) in enumerate(answers):
        assert wish.rev == seed
        expected = draw(edit(seed), ready).astype(int)
        assert np.abs(opened(frame) - expected).mean() < 8  # JPEG of noise at 16 px is that rough


async def test_a_newer_wish_takes_the_waiting_ones_place(
    renderer: Renderer, ready: LoadedGenerator, watched: Watched
) -> None:
    watched.go.clear()
    first = ask(renderer, ready, edit(0))
    while not watched.batches:
        await asyncio.sleep(0.001)
    slot = ClientSlot()
    task = asyncio.create_task(renderer.preview(slot, PreviewRequest(1, edit(1)), ready))
    await asyncio.sleep(0.01)
    for rev in range(2, 50):
        slot.put(PreviewRequest(rev, edit(rev)))
    watched.go.set()
    wish, _ = await task
    assert wish.rev == 49
    await asyncio.gather(*first)
    assert watched.batches == [1, 1]


async def test_a_wish_for_another_generator_does_not_slip_into_the_batch() -> None:
    slot = ClientSlot()
    slot.put(PreviewRequest(2, parse({"generator": "other", "base": {"seed": 1}})))
    wish = PreviewRequest(1, edit())
    assert slot.newer(wish) is wish
    assert (await slot.take()).rev == 2


async def test_a_bad_edit_fails_alone(renderer: Renderer, ready: LoadedGenerator) -> None:
    edits = [edit(1), edit(2, amounts={"nope": 1}), edit(3, amounts={"sway": 99}), edit(4, amounts={"sway": 5})]
    answers = [answer for _, answer in await asyncio.gather(*ask(renderer, ready, *edits))]
    assert [type(answer) for answer in answers] == [Frame, Invalid, Invalid, Frame]


async def test_a_model_that_fails_fails_its_batch_and_nothing_else(
    renderer: Renderer, ready: LoadedGenerator, watched: Watched
) -> None:
    for error in (RuntimeError("secret\ntraceback"), torch.OutOfMemoryError("CUDA out of memory"), KeyError("x")):
        watched.failing = error
        answers = await asyncio.gather(*ask(renderer, ready, edit(1), edit(2)))
        assert all(isinstance(answer, ModelFailed) for _, answer in answers)
        assert all("secret" not in str(answer) for _, answer in answers)
        with pytest.raises(ModelFailed):
            await renderer.still(edit(1), ready)
    watched.failing = None
    [(_, answer)] = await asyncio.gather(*ask(renderer, ready, edit(1)))
    assert isinstance(answer, Frame)


async def test_a_cancelled_caller_does_not_stop_the_renderer(
    renderer: Renderer, ready: LoadedGenerator, watched: Watched
) -> None:
    watched.go.clear()
    tasks = ask(renderer, ready, *(edit(seed) for seed in range(4)))
    await asyncio.sleep(0.02)
    tasks[0].cancel()
    tasks[2].cancel()
    watched.go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert isinstance(answers[1], tuple)
    assert isinstance(answers[3], tuple)
    [(_, answer)] = await asyncio.gather(*ask(renderer, ready, edit(9)))
    assert isinstance(answer, Frame)


async def test_closing_in_the_middle_of_a_batch_answers_everybody(tiny: Generator) -> None:
    watched = Watched(tiny)
    watched.seconds = 0.01  # long enough for those who were served to ask again before the next turn
    ready = LoadedGenerator(watched, watched, dict)
    inference_thread = InferenceThread()
    renderer = Renderer(inference_thread, max_batch=2)
    watched.go.clear()
    tasks = ask(renderer, ready, *(edit(seed) for seed in range(9)))
    await asyncio.sleep(0.02)
    threading.Timer(0.05, watched.go.set).start()
    await asyncio.to_thread(inference_thread.close)
    await asyncio.to_thread(renderer.close)
    answers = await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert all(isinstance(answer, Frame | LatentwalkError) for _, answer in answers)
    _, late = await renderer.preview(ClientSlot(), PreviewRequest(1, edit()), ready)
    assert isinstance(late, Overloaded)


async def test_too_many_are_told_so_at_once(tiny: Generator) -> None:
    watched = Watched(tiny)
    ready = LoadedGenerator(watched, watched, dict)
    inference_thread = InferenceThread()
    renderer = Renderer(inference_thread, max_batch=2, max_waiting=3)
    watched.go.clear()
    tasks = ask(renderer, ready, *(edit(seed) for seed in range(10)))
    await asyncio.sleep(0.05)
    watched.go.set()
    answers = [answer for _, answer in await asyncio.gather(*tasks)]
    assert sum(isinstance(answer, Overloaded) for answer in answers) >= 5
    assert sum(isinstance(answer, Frame) for answer in answers) >= 3
    renderer.close()
    inference_thread.close()


async def test_a_still_is_the_edits_exact_pixels_and_carries_it(renderer: Renderer, ready: LoadedGenerator) -> None:
    one = edit(5, amounts={"sway": 4.5}, classes={"warm": 1, "cold": 3})
    frame = await renderer.still(one, ready, priority=Priority.SETTLE)
    assert np.array_equal(opened(frame), draw(one, ready))
    assert Image.open(io.BytesIO(frame.data)).info[image_codec.KEYWORD] == canonical(one)
    again = await renderer.still(one, ready)
    assert again.data == frame.data


async def test_stills_do_not_depend_on_what_else_is_drawn(renderer: Renderer, ready: LoadedGenerator) -> None:
    alone = await renderer.still(edit(5), ready)
    crowd = ask(renderer, ready, *(edit(seed) for seed in range(30)))
    among = await renderer.still(edit(5), ready)
    await asyncio.gather(*crowd)
    assert among.data == alone.data


async def test_nobody_hangs_when_callers_come_and_go_and_the_model_fails_now_and_then(
    renderer: Renderer, ready: LoadedGenerator, watched: Watched
) -> None:
    chance = random.Random(1)

    async def caller(seed: int) -> str:
        watched.failing = RuntimeError("now and then") if chance.random() < 0.1 else None
        try:
            async with asyncio.timeout(chance.choice([0.001, 0.01, 5])):
                wish, answer = await renderer.preview(ClientSlot(), PreviewRequest(seed, edit(seed)), ready)
        except TimeoutError:
            return "gone"
        assert wish.rev == seed
        return type(answer).__name__

    outcomes: list[str] = []
    for start in range(0, 600, 60):
        outcomes += await asyncio.wait_for(asyncio.gather(*(caller(start + n) for n in range(60))), 20)
    assert len(outcomes) == 600
    assert set(outcomes) <= {"gone", "Frame", "ModelFailed"}
    assert outcomes.count("Frame") > 50


async def test_people_take_turns_however_many_tabs_each_has(tiny: Generator) -> None:
    watched = Watched(tiny)
    ready = LoadedGenerator(watched, watched, dict)
    inference_thread = InferenceThread()
    renderer = Renderer(inference_thread, max_batch=2)
    served: list[str] = []

    async def tab(person: str) -> None:
        for rev in range(6):
            await renderer.preview(ClientSlot(person), PreviewRequest(rev, edit(rev)), ready)
            served.append(person)

    watched.go.clear()
    greedy = [asyncio.create_task(tab("greedy")) for _ in range(8)]
    await asyncio.sleep(0.02)
    others = [asyncio.create_task(tab(name)) for name in ("one", "two", "three")]
    await asyncio.sleep(0.02)
    watched.go.set()
    await asyncio.gather(*others)
    while_all_waited = served[: max(index for index, name in enumerate(served) if name != "greedy")]
    # Its own share is 6, and some went before the others came or while none of them had asked again; without turns it
    # would have nearly all of its 48.
    assert while_all_waited.count("greedy") <= 20
    assert while_all_waited.count("greedy") >= 4  # nor is it starved
    await asyncio.gather(*greedy)
    renderer.close()
    inference_thread.close()


async def test_one_person_alone_fills_the_batch_with_all_their_tabs(
    renderer: Renderer, ready: LoadedGenerator, watched: Watched
) -> None:
    watched.go.clear()
    tasks = [
        asyncio.create_task(renderer.preview(ClientSlot("me"), PreviewRequest(n, edit(n)), ready)) for n in range(5)
    ]
    await asyncio.sleep(0.02)
    watched.go.set()
    await asyncio.gather(*tasks)
    assert max(watched.batches) == 4


async def test_one_person_cannot_take_every_place_where_stills_wait(tiny: Generator) -> None:
    watched = Watched(tiny)
    ready = LoadedGenerator(watched, watched, dict)
    inference_thread = InferenceThread()
    renderer = Renderer(inference_thread, max_waiting=8)
    watched.go.clear()
    held = [asyncio.create_task(renderer.still(edit(n), ready, person="greedy")) for n in range(5)]
    await asyncio.sleep(0.02)
    late = asyncio.create_task(renderer.still(edit(9), ready, person="other"))
    watched.go.set()
    answers = await asyncio.gather(*held, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Frame, Frame, Overloaded, Overloaded, Overloaded]
    assert isinstance(await late, Frame)
    assert isinstance(await renderer.still(edit(1), ready, person="greedy"), Frame)
    renderer.close()
    inference_thread.close()
