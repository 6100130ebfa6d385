"""The inference thread: one thing at a time, the urgent first, nobody starved, everybody answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from latentwalk.errors import Overloaded
from models.sandbox.device_turn import off_device
from server.engine.inference_thread import MOST_SPARE, InferenceThread, Priority


@pytest.fixture
def inference_thread() -> Iterator[InferenceThread]:
    made = InferenceThread(share=4, grace=0.0)
    yield made
    made.close()


def _held(inference_thread: InferenceThread) -> threading.Event:
    # Occupies the thread until the event is set, so that a test can queue behind it.
    begun, go = threading.Event(), threading.Event()
    inference_thread.submit(Priority.PREVIEW, lambda: (begun.set(), go.wait(10)))
    begun.wait(10)
    return go


def _recording(seen: list[str], name: str) -> Callable[[], None]:
    return lambda: seen.append(name)


def test_the_urgent_goes_first_and_equals_go_in_order(inference_thread: InferenceThread) -> None:
    seen: list[str] = []
    go = _held(inference_thread)
    order = {"still": Priority.STILL, "one": Priority.PREVIEW, "settle": Priority.SETTLE, "two": Priority.PREVIEW}
    futures = [inference_thread.submit(priority, _recording(seen, name)) for name, priority in order.items()]
    go.set()
    for future in futures:
        future.result(10)
    assert seen == ["one", "two", "settle", "still"]


def test_of_every_few_turns_one_goes_to_what_waited_longest(inference_thread: InferenceThread) -> None:
    seen: list[str] = []
    go = _held(inference_thread)
    futures = [inference_thread.submit(Priority.WORK, _recording(seen, "work")) for _ in range(3)]
    futures += [inference_thread.submit(Priority.STILL, _recording(seen, "still"))]
    futures += [inference_thread.submit(Priority.PREVIEW, _recording(seen, "p")) for _ in range(20)]
    go.set()
    for future in futures:
        future.result(10)
    assert seen[:16] == ["p", "p", "p", "work"] * 3 + ["p", "p", "p", "still"]


def test_long_work_keeps_clear_for_a_moment_after_a_preview() -> None:
    inference_thread = InferenceThread(grace=0.2)
    try:
        inference_thread.submit(Priority.PREVIEW, lambda: None).result(10)
        begin = time.monotonic()
        inference_thread.submit(Priority.WORK, lambda: None).result(10)
        assert time.monotonic() - begin > 0.15
    finally:
        inference_thread.close()


def test_long_work_gets_its_share_while_a_hand_never_rests() -> None:
    inference_thread = InferenceThread(share=4, grace=10.0)
    try:
        work = inference_thread.submit(Priority.WORK, lambda: "done")
        for _ in range(6):
            inference_thread.submit(Priority.PREVIEW, lambda: None).result(10)
        assert work.result(10) == "done"
    finally:
        inference_thread.close()


def test_everything_runs_on_one_thread(inference_thread: InferenceThread) -> None:
    threads = {
        inference_thread.submit(priority, threading.get_ident).result(10) for priority in Priority for _ in range(5)
    }
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_error_belongs_to_the_one_who_asked(inference_thread: InferenceThread) -> None:
    def fail() -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        inference_thread.submit(Priority.WORK, fail).result(10)
    assert inference_thread.submit(Priority.WORK, lambda: 1).result(10) == 1


async def test_a_cancelled_caller_is_dropped_before_its_turn(inference_thread: InferenceThread) -> None:
    ran: list[int] = []
    go = _held(inference_thread)
    task = asyncio.create_task(inference_thread.run(Priority.WORK, lambda: ran.append(1)))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    go.set()
    await inference_thread.run(Priority.WORK, lambda: None)
    assert ran == []


async def test_closing_answers_those_who_wait(inference_thread: InferenceThread) -> None:
    go = _held(inference_thread)
    waiting = [asyncio.create_task(inference_thread.run(Priority.STILL, lambda: 1)) for _ in range(5)]
    await asyncio.sleep(0.01)
    threading.Timer(0.05, go.set).start()
    await asyncio.to_thread(inference_thread.close)
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, Overloaded) for answer in answers)
    with pytest.raises(Overloaded):
        await inference_thread.run(Priority.STILL, lambda: 1)


def test_equally_urgent_pieces_go_round_by_person(inference_thread: InferenceThread) -> None:
    seen: list[str] = []
    go = _held(inference_thread)
    futures = [inference_thread.submit(Priority.STILL, _recording(seen, name), name) for name in "aaab"]
    assert inference_thread.waiting()[Priority.STILL] == 4
    go.set()
    for future in futures:
        future.result(10)
    assert seen == ["a", "b", "a", "a"]


def test_none_of_the_four_kinds_starves_under_the_others(inference_thread: InferenceThread) -> None:
    seen: list[str] = []
    go = _held(inference_thread)
    counts = {Priority.PREVIEW: 60, Priority.SETTLE: 3, Priority.STILL: 3, Priority.WORK: 3}
    pieces = [priority for priority, count in counts.items() for _ in range(count)]
    futures = [inference_thread.submit(priority, _recording(seen, priority.name)) for priority in pieces]
    go.set()
    for future in futures:
        future.result(10)
    others = ["SETTLE"] * 3 + ["STILL"] * 3 + ["WORK"] * 3
    assert [name for name in seen if name != "PREVIEW"] == others
    assert [name for name in seen[:36] if name != "PREVIEW"] == others  # every fourth turn was one of theirs


def test_what_waits_for_something_else_gives_the_device_to_others_and_gets_it_back(
    inference_thread: InferenceThread,
) -> None:
    waiting, go, seen = threading.Event(), threading.Event(), []
    inside: list[int] = []

    def alone(name: str) -> None:
        inside.append(1)
        assert len(inside) == 1, "two threads hold the device"
        seen.append(name)
        time.sleep(0.002)
        inside.pop()

    def work() -> str:
        alone("before")
        with off_device(), off_device():
            waiting.set()
            go.wait(10)
        alone("after")
        return "done"

    long = inference_thread.submit(Priority.WORK, work)
    waiting.wait(10)
    for number in range(3):
        inference_thread.submit(Priority.PREVIEW, lambda number=number: alone(f"preview {number}")).result(1)
    go.set()
    later = [inference_thread.submit(Priority.PREVIEW, lambda: alone("later")) for _ in range(30)]
    assert long.result(10) == "done"
    for future in later:
        future.result(10)
    assert seen[:4] == ["before", "preview 0", "preview 1", "preview 2"]
    assert sorted(seen[4:]) == ["after", *["later"] * 30]


def test_many_that_wait_at_a_time_return_one_by_one_and_no_thread_is_left(inference_thread: InferenceThread) -> None:
    before = threading.active_count()
    inside: list[int] = []

    def work() -> int:
        for _ in range(3):
            with off_device():
                time.sleep(0.001)
            inside.append(1)
            count = len(inside)
            time.sleep(0.0005)
            inside.pop()
            assert count == 1
        return 1

    futures = [inference_thread.submit(Priority(number % 5), work, str(number % 3)) for number in range(60)]
    assert sum(future.result(20) for future in futures) == 60
    deadline = time.monotonic() + 5
    while threading.active_count() > before + MOST_SPARE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before + MOST_SPARE


def test_a_closing_server_does_not_wait_for_what_is_off_the_device() -> None:
    inference_thread, waiting, go = InferenceThread(), threading.Event(), threading.Event()

    def work() -> None:
        with off_device():
            waiting.set()
            go.wait(10)

    future = inference_thread.submit(Priority.STILL, work)
    waiting.wait(10)
    inference_thread.close()
    go.set()
    with pytest.raises(Overloaded):
        future.result(10)


def test_an_error_off_the_device_reaches_the_caller(inference_thread: InferenceThread) -> None:
    def work() -> None:
        with off_device():
            raise ValueError("the file is gone")

    with pytest.raises(ValueError, match="gone"):
        inference_thread.submit(Priority.STILL, work).result(10)
    assert inference_thread.submit(Priority.STILL, lambda: 7).result(10) == 7
