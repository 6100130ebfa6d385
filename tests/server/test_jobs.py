"""Background work: it is driven, shown, stopped and remembered."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from server.errors import Invalid, NotFound, Overloaded
from server.jobs import MOST_WAITING, Job, Jobs, State, Step
from server.steering.progress import Progress, Work

Result = Mapping[str, Any]


async def here(chunk: Callable[[], Step]) -> Step:
    """Drives a chunk on a thread, as films are."""
    return await asyncio.to_thread(chunk)


def counting(steps: int, closed: list[str] | None = None, fail: Exception | None = None) -> Work[Result]:
    try:
        for step in range(steps):
            strip = torch.zeros(4, 4, 3, dtype=torch.uint8) if step == 1 else None
            yield Progress((step + 1) / steps, f"Step {step + 1} of {steps}", {"step": step + 1}, strip)
        if fail is not None:
            raise fail
        return {"counted": steps}
    finally:
        if closed is not None:
            closed.append("closed")


def endless() -> Work[Result]:
    while True:
        yield Progress(0.5, "On and on")


async def ended(jobs: Jobs, job: Job) -> Job:
    async with asyncio.timeout(10):
        while not job.state.is_end:
            await jobs.change(job.id, job.version, 1)
        while jobs._runs:
            await asyncio.sleep(0.005)
    return job


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "jobs")


async def test_a_job_is_queued_runs_and_gives_its_result(jobs: Jobs) -> None:
    job = jobs.start("learn", "Counting", counting(5), here, "device")
    assert job.state is State.QUEUED
    await ended(jobs, job)
    assert (job.state, job.progress, job.result, job.message) == (State.DONE, 1.0, {"counted": 5}, "Done")
    assert job.detail == {"step": 5}
    assert job.created < str(job.started) < str(job.finished)
    assert jobs.strip(job.id)[:2] == b"\xff\xd8"
    assert job.strip_version == 1


async def test_jobs_of_one_queue_wait_for_each_other_and_others_do_not(jobs: Jobs) -> None:
    first = jobs.start("learn", "A", endless(), here, "device")
    second = jobs.start("learn", "B", counting(2), here, "device")
    third = jobs.start("export", "C", counting(2), here, "films")
    await asyncio.sleep(0.05)
    await jobs.change(third.id, third.version, 1)
    assert first.state is State.RUNNING
    assert second.state is State.QUEUED
    async with asyncio.timeout(5):
        while not third.state.is_end:
            await jobs.change(third.id, third.version, 1)
    jobs.cancel(first.id)
    await ended(jobs, second)
    assert (first.state, second.state, third.state) == (State.CANCELLED, State.DONE, State.DONE)


async def test_cancelling_closes_the_work(jobs: Jobs) -> None:
    closed: list[str] = []
    job = jobs.start("learn", "A", counting(10**9, closed), here, "device")
    await asyncio.sleep(0.05)
    jobs.cancel(job.id)
    await ended(jobs, job)
    assert job.state is State.CANCELLED
    assert closed == ["closed"]
    assert job.error is None


async def test_a_job_that_waits_is_cancelled_at_once(jobs: Jobs) -> None:
    first = jobs.start("learn", "A", endless(), here, "device")
    second = jobs.start("learn", "B", counting(1), here, "device")
    await asyncio.sleep(0.02)
    assert jobs.cancel(second.id).state is State.CANCELLED
    jobs.cancel(first.id)
    await ended(jobs, first)
    assert second.started is None
    assert jobs.cancel(second.id).state is State.CANCELLED


async def test_an_app_error_is_the_jobs_error(jobs: Jobs) -> None:
    job = await ended(jobs, jobs.start("learn", "A", counting(1, fail=Invalid("No.", "Try yes.")), here, "q"))
    assert job.state is State.FAILED
    assert job.error == {"code": "invalid", "message": "No.", "hint": "Try yes."}


async def test_any_other_error_is_logged_whole_and_shown_calmly(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    job = await ended(jobs, jobs.start("learn", "A", counting(1, fail=KeyError("secret")), here, "q"))
    assert job.state is State.FAILED
    assert "secret" not in json.dumps(job.error)
    assert "secret" in caplog.text


async def test_what_became_of_a_job_is_remembered(jobs: Jobs, tmp_path: Path) -> None:
    done = await ended(jobs, jobs.start("learn", "A", counting(3), here, "q"))
    failed = await ended(jobs, jobs.start("learn", "B", counting(1, fail=Invalid("No.")), here, "q"))
    again = Jobs(tmp_path / "jobs")
    again.load()
    assert [job.id for job in again.all()] == [failed.id, done.id]
    assert again.get(done.id).result == {"counted": 3}
    assert again.get(failed.id).error == failed.error


async def test_what_a_killed_server_left_running_is_interrupted(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start("learn", "A", endless(), here, "q")
    await asyncio.sleep(0.1)
    path = tmp_path / "jobs" / f"{job.id}.json"
    left = path.read_text()
    jobs.cancel(job.id)
    await ended(jobs, job)
    path.write_text(left)
    again = Jobs(tmp_path / "jobs")
    again.load()
    found = again.get(job.id)
    assert found.state is State.INTERRUPTED
    assert found.error is not None
    assert "stopped" in found.error["message"]
    assert json.loads(path.read_text())["state"] == "interrupted"


async def test_closing_stops_what_runs_and_remembers_it(jobs: Jobs, tmp_path: Path) -> None:
    closed: list[str] = []
    running = jobs.start("learn", "A", counting(10**9, closed), here, "q")
    queued = jobs.start("learn", "B", counting(1), here, "q")
    await asyncio.sleep(0.05)
    await jobs.close()
    assert closed == ["closed"]
    again = Jobs(tmp_path / "jobs")
    again.load()
    assert {again.get(job.id).state for job in (running, queued)} == {State.INTERRUPTED}


async def test_a_damaged_memory_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"state": "dancing"}'), ("d", '{"state": "done", "x": 1}')):
        (folder / f"{name}.json").write_text(text)
    jobs = Jobs(folder)
    with caplog.at_level(logging.WARNING):
        jobs.load()
    assert jobs.all() == []
    assert len(caplog.records) == 4


async def test_a_full_disk_does_not_stop_the_work(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    job = await ended(jobs, jobs.start("learn", "A", counting(3), here, "q"))
    assert job.state is State.DONE


async def test_progress_never_runs_backwards(jobs: Jobs) -> None:
    def wavering() -> Work[Result]:
        for share in (0.2, 0.5, 0.3, 2.0):
            yield Progress(share, "Hm")
        return {}

    job = jobs.start("learn", "A", wavering(), here, "q")
    seen = []
    while not job.state.is_end:
        await jobs.change(job.id, job.version, 1)
        seen.append(job.progress)
    assert seen == sorted(seen)
    assert max(seen) == 1.0


async def test_waiting_for_a_change_ends_with_patience_or_the_job(jobs: Jobs) -> None:
    job = jobs.start("learn", "A", counting(1), here, "q")
    await ended(jobs, job)
    assert (await jobs.change(job.id, job.version, 60)) is job
    with pytest.raises(NotFound):
        await jobs.change("j-nope", 0, 1)
    with pytest.raises(NotFound):
        jobs.strip(job.id)


async def test_too_many_jobs_are_refused(jobs: Jobs) -> None:
    made = [jobs.start("learn", str(n), endless(), here, "q") for n in range(MOST_WAITING)]
    with pytest.raises(Overloaded):
        jobs.start("learn", "one more", endless(), here, "q")
    for job in reversed(made):
        jobs.cancel(job.id)
    await ended(jobs, made[0])
