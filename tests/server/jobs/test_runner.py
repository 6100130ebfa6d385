"""Background work: it is driven, shown, stopped, remembered, and taken up again."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import update

from latentwalk.errors import DiskFull, Invalid, NotFound, Overloaded, StorageFailed
from latentwalk.progress import Progress, Work
from latentwalk.steering.learning.resume_state import ResumeState, SavedStage
from models import atomic_files
from server.engine.inference_thread import InferenceThread, Priority
from server.jobs.fair_semaphore import MOST_PER_PERSON, MOST_WAITING
from server.jobs.runner import TRIES, JobRunner
from server.jobs.task import SHORT, Task, prepared, run_in_thread
from server.storage.db import lease_owner
from server.storage.db.database import Database
from server.storage.db.job import Job, State
from server.storage.db.tables import JOBS

Result = Mapping[str, Any]
DEAD = "/".join((*lease_owner._machine(), "999999999", "1", "00"))  # this machine's, with a number no process has


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


def plan(make: Callable[[], Work[Result]], queue: str = "q", memory: list[ResumeState] | None = None) -> Task:
    """Work that is driven on a thread, as films are."""

    def made(given: ResumeState) -> Work[Result]:
        if memory is not None:
            memory.append(given)
        return make()

    return Task(made, run_in_thread, queue)


def endless() -> Work[Result]:
    while True:
        yield Progress(0.5, "On and on")


def until(told: threading.Event) -> Work[Result]:
    while not told.is_set():
        yield Progress(0.1, "Begun")
    return {}


async def begun(jobs: JobRunner, job: Job) -> None:
    """Waits until a job has done something; a busy machine takes its time."""
    async with asyncio.timeout(30):
        while job.progress == 0:
            await jobs.events.wait_for_change(job.id, job.version, 1)


async def ended(jobs: JobRunner, job: Job) -> Job:
    async with asyncio.timeout(30):
        while not job.state.is_end:
            await jobs.events.wait_for_change(job.id, job.version, 1)
        while job.id in jobs._runs:
            await asyncio.sleep(0.005)
    return job


@pytest.fixture
def jobs(tmp_path: Path) -> JobRunner:
    return JobRunner(tmp_path)


async def test_a_job_is_queued_runs_and_gives_its_result(jobs: JobRunner) -> None:
    job = await jobs.start("learn", "Counting", plan(lambda: counting(5), "device"))
    assert job.state is State.QUEUED
    await ended(jobs, job)
    assert (job.state, job.progress, job.result, job.message) == (State.DONE, 1.0, {"counted": 5}, "Done")
    assert job.detail == {"step": 5}
    assert job.created < str(job.started) < str(job.finished)
    assert jobs.events.strip(job.id)[:2] == b"\xff\xd8"
    assert job.strip_version == 1


async def test_jobs_of_one_queue_wait_for_each_other_and_others_do_not(jobs: JobRunner) -> None:
    first = await jobs.start("learn", "A", plan(endless, "device"))
    second = await jobs.start("learn", "B", plan(lambda: counting(2), "device"))
    third = await jobs.start("export", "C", plan(lambda: counting(2), "films"))
    await begun(jobs, first)
    await jobs.events.wait_for_change(third.id, third.version, 1)
    assert first.state is State.RUNNING
    assert second.state is State.QUEUED
    async with asyncio.timeout(30):
        while not third.state.is_end:
            await jobs.events.wait_for_change(third.id, third.version, 1)
    await jobs.cancel(first.id)
    await ended(jobs, second)
    assert (first.state, second.state, third.state) == (State.CANCELLED, State.DONE, State.DONE)


async def test_cancelling_closes_the_work(jobs: JobRunner) -> None:
    closed: list[str] = []
    job = await jobs.start("learn", "A", plan(lambda: counting(10**9, closed), "device"))
    await begun(jobs, job)
    await jobs.cancel(job.id)
    await ended(jobs, job)
    assert job.state is State.CANCELLED
    assert closed == ["closed"]
    assert job.error is None


async def test_a_job_that_waits_is_cancelled_at_once(jobs: JobRunner) -> None:
    first = await jobs.start("learn", "A", plan(endless, "device"))
    second = await jobs.start("learn", "B", plan(lambda: counting(1), "device"))
    await asyncio.sleep(0.02)
    assert (await jobs.cancel(second.id)).state is State.CANCELLED
    await jobs.cancel(first.id)
    await ended(jobs, first)
    assert second.started is None
    assert (await jobs.cancel(second.id)).state is State.CANCELLED


async def test_an_app_error_is_the_jobs_error(jobs: JobRunner) -> None:
    job = await ended(
        jobs, await jobs.start("learn", "A", plan(lambda: counting(1, fail=Invalid("No.", "Try yes.")), "q"))
    )
    assert job.state is State.FAILED
    assert job.error == {"code": "invalid", "message": "No.", "hint": "Try yes."}


async def test_any_other_error_is_logged_whole_and_shown_calmly(
    jobs: JobRunner, caplog: pytest.LogCaptureFixture
) -> None:
    job = await ended(jobs, await jobs.start("learn", "A", plan(lambda: counting(1, fail=KeyError("secret")), "q")))
    assert job.state is State.FAILED
    assert "secret" not in json.dumps(job.error)
    assert "secret" in caplog.text


async def test_what_became_of_a_job_is_remembered(jobs: JobRunner, tmp_path: Path) -> None:
    done = await ended(jobs, await jobs.start("learn", "A", plan(lambda: counting(3), "q")))
    failed = await ended(jobs, await jobs.start("learn", "B", plan(lambda: counting(1, fail=Invalid("No.")), "q")))
    again = JobRunner(tmp_path)
    again.load()
    assert [job.id for job in again.events.all()] == [failed.id, done.id]
    assert again.events.get(done.id).result == {"counted": 3}
    assert again.events.get(failed.id).error == failed.error


def orphaned(database: Database, id: str, **columns: object) -> None:
    """Makes it look as if the server that held a job were dead."""
    with database.writing() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == id).values({"owner": DEAD, "state": "running", **columns}))


async def killed(jobs: JobRunner, job: Job, **columns: object) -> None:
    """Stops a job behind the back of everybody, and leaves its row as a killed server would."""
    run = jobs._runs[job.id]
    jobs.table.owner = "nobody/else/0/0/saves"  # from here on it may write nothing
    run.stopping = True
    while job.id in jobs._runs:
        await asyncio.sleep(0.005)
    orphaned(jobs.table._database, job.id, finished=None, error=None, **columns)


async def test_what_a_killed_server_left_and_nobody_can_begin_again_is_interrupted(
    jobs: JobRunner, tmp_path: Path
) -> None:
    job = await jobs.start("learn", "A", plan(endless))
    await begun(jobs, job)
    await killed(jobs, job)
    again = JobRunner(tmp_path)
    again.load()
    await again.reconcile()
    found = again.events.get(job.id)
    assert found.state is State.INTERRUPTED
    assert found.error is not None
    assert "stopped" in found.error["message"]
    assert again.table.all()[0].job.state is State.INTERRUPTED


async def next_server(
    tmp_path: Path, make: Callable[[], Work[Result]], memory: list[ResumeState] | None = None
) -> JobRunner:
    """A server after the first one, which knows how to begin jobs of learning again."""
    again = JobRunner(tmp_path)
    again.load()

    async def revive(job: Job, request: Mapping[str, Any]) -> Task:
        if request.get("to") == "nobody":
            raise NotFound("The generator is gone.")
        return plan(make, "q", memory)

    again.register("learn", revive)
    await again.reconcile()
    return again


async def test_the_next_server_goes_on_with_what_a_killed_one_left(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "count"})
    await begun(jobs, job)
    jobs.checkpoints.open(job.id).put("line", SavedStage({"x": torch.ones(2)}, {"step": 20}))
    seen = job.version
    await killed(jobs, job)
    memory: list[ResumeState] = []
    again = await next_server(tmp_path, lambda: counting(3), memory)
    found = await ended(again, again.events.get(job.id))
    assert (found.state, found.result, found.id) == (State.DONE, {"counted": 3}, job.id)
    saved = memory[0].get("line")
    assert saved is not None
    assert saved.facts["step"] == 20
    assert found.version > seen  # whoever listens with the old number hears of it
    assert not (tmp_path / "checkpoints" / job.id).exists()


async def test_what_cannot_be_gone_on_with_just_now_waits_and_is_not_failed(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "count"})
    await begun(jobs, job)
    await killed(jobs, job)
    again, crowded = JobRunner(tmp_path), [True, True, False]
    again.load()

    async def revive(job: Job, request: Mapping[str, Any]) -> Task:
        if crowded.pop(0):
            raise Overloaded("No worker is there.")
        return plan(lambda: counting(3), "q")

    again.register("learn", revive)
    for _ in range(2):
        await again.reconcile()
        assert again.events.get(job.id).state is State.QUEUED
    await again.reconcile()
    assert (await ended(again, again.events.get(job.id))).state is State.DONE
    assert not crowded


async def test_two_servers_never_take_up_the_same_job(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "count"})
    await killed(jobs, job)
    first = await next_server(tmp_path, endless)
    second = await next_server(tmp_path, lambda: counting(1))
    assert job.id in first._runs
    assert job.id not in second._runs
    assert second.events.get(job.id).state in (State.QUEUED, State.RUNNING)
    await second.cancel(job.id)  # and yet whoever asks it can stop it
    await first.reconcile()
    await ended(first, first.events.get(job.id))
    await second.reconcile()
    assert first.events.get(job.id).state is second.events.get(job.id).state is State.CANCELLED


async def test_a_server_that_lost_its_lease_writes_nothing_more(
    jobs: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.runner.SAVE_INTERVAL", 1e9)  # a save would renew the lease
    job = await jobs.start("learn", "A", plan(endless), {"to": "count"})
    await begun(jobs, job)
    with jobs.table._database.writing() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == job.id).values(lease=1.0))  # it was away too long
    again = await next_server(tmp_path, lambda: counting(2))
    await ended(again, again.events.get(job.id))
    await jobs._store.save(job)
    async with asyncio.timeout(30):
        while job.id in jobs._runs:
            await asyncio.sleep(0.01)
    await jobs.reconcile()
    assert jobs.events.get(job.id).state is again.events.get(job.id).state is State.DONE


async def test_work_that_brings_the_server_down_again_and_again_is_given_up(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "kill"})
    while job.state is State.QUEUED:
        await asyncio.sleep(0.01)
    await killed(jobs, job)
    for _ in range(TRIES - 1):
        server = await next_server(tmp_path, endless)
        while server.events.get(job.id).state is not State.RUNNING:
            await asyncio.sleep(0.01)
        await killed(server, server.events.get(job.id))
    last = await next_server(tmp_path, endless)
    found = await ended(last, last.events.get(job.id))
    assert found.state is State.FAILED
    assert found.error is not None
    assert f"crashed {TRIES} times" in found.error["message"]


async def test_work_that_gets_further_each_time_is_not_given_up(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "go on"})
    server = jobs
    for step in range(2 * TRIES):
        while server.events.get(job.id).state is not State.RUNNING:
            await asyncio.sleep(0.01)
        server.checkpoints.open(job.id).put("line", SavedStage(facts={"step": step}))
        await killed(server, server.events.get(job.id))
        server = await next_server(tmp_path, endless if step < 2 * TRIES - 1 else lambda: counting(1))
    assert (await ended(server, server.events.get(job.id))).state is State.DONE


async def test_what_somebody_stopped_is_not_begun_again(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "count"})
    await asyncio.sleep(0.05)
    await killed(jobs, job, stopping=True)
    again = await next_server(tmp_path, endless)
    assert again.events.get(job.id).state is State.CANCELLED


async def test_what_cannot_be_begun_again_says_why(jobs: JobRunner, tmp_path: Path) -> None:
    job = await jobs.start("learn", "A", plan(endless), {"to": "nobody"})
    await asyncio.sleep(0.05)
    await killed(jobs, job)
    again = await next_server(tmp_path, endless)
    assert (again.events.get(job.id).state, again.events.get(job.id).message) == (
        State.FAILED,
        "The generator is gone.",
    )


async def test_a_closed_server_leaves_its_work_to_the_next(jobs: JobRunner, tmp_path: Path) -> None:
    running = await jobs.start("learn", "A", plan(endless), {"to": "count"})
    waiting = await jobs.start("learn", "B", plan(endless), {"to": "count"})
    await begun(jobs, running)
    await jobs.close()
    assert {running.state, waiting.state} == {State.QUEUED}
    again = await next_server(tmp_path, lambda: counting(1))
    for job in (running, waiting):
        assert (await ended(again, again.events.get(job.id))).state is State.DONE


async def test_a_job_that_was_not_written_down_was_not_started(
    jobs: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise DiskFull("The disk is full.")

    monkeypatch.setattr(jobs.table, "add", full)
    with pytest.raises(DiskFull):
        await jobs.start("learn", "A", plan(endless))
    assert jobs.events.all() == []


async def test_a_full_disk_pauses_the_work_and_says_so(
    jobs: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.runner.PAUSE", 0.01)
    free = [False]
    monkeypatch.setattr(atomic_files, "has_room", lambda folder: free[0])
    job = await jobs.start("learn", "A", plan(lambda: counting(2)))
    async with asyncio.timeout(30):
        while job.state is not State.PAUSED:
            await jobs.events.wait_for_change(job.id, job.version, 1)
    assert "disk is nearly full" in job.message
    assert "by itself" in job.message
    free[0] = True
    assert (await ended(jobs, job)).state is State.DONE


async def test_a_checkpoint_that_finds_no_room_is_tried_again_and_no_step_is_lost(
    jobs: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.runner.PAUSE", 0.01)
    tries, steps = [0], []

    def remember() -> None:
        tries[0] += 1
        if tries[0] < 4:
            raise DiskFull("The disk is full: line was not saved.")

    def work() -> Work[Result]:
        for step in range(3):
            steps.append(step)
            yield Progress(step / 3, "Step", save_checkpoint=remember if step == 1 else None)
        return {}

    job = await ended(jobs, await jobs.start("learn", "A", plan(work)))
    assert (job.state, tries[0], steps) == (State.DONE, 4, [0, 1, 2])


async def test_what_is_kept_at_the_end_is_tried_again_when_there_is_room(
    jobs: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.runner.PAUSE", 0.01)
    tries = [0]

    def work() -> Work[Result]:
        yield Progress(0.9, "Keeping it")
        tries[0] += 1
        if tries[0] < 3:
            raise DiskFull("The disk is full: zoom was not saved.")
        return {"tries": tries[0]}

    job = await ended(jobs, await jobs.start("learn", "A", plan(work)))
    assert (job.state, job.result) == (State.DONE, {"tries": 3})


async def test_a_paused_job_can_be_stopped(jobs: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_files, "has_room", lambda folder: False)
    job = await jobs.start("learn", "A", plan(endless))
    async with asyncio.timeout(30):
        while job.state is not State.PAUSED:
            await jobs.events.wait_for_change(job.id, job.version, 1)
    await jobs.cancel(job.id)
    assert (await ended(jobs, job)).state is State.CANCELLED


async def test_a_broken_disk_fails_the_job_with_its_reason(jobs: JobRunner) -> None:
    def work() -> Work[Result]:
        yield Progress(0.5, "Keeping it")
        raise StorageFailed("zoom could not be saved: input/output error.")

    job = await ended(jobs, await jobs.start("learn", "A", plan(work)))
    assert (job.state, job.message) == (State.FAILED, "zoom could not be saved: input/output error.")


async def test_an_end_that_could_not_be_written_down_is_written_later(
    jobs: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> bool:
        raise DiskFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(jobs.table, "save", full)
        job = await ended(jobs, await jobs.start("learn", "A", plan(lambda: counting(2))))
    assert job.state is State.DONE
    assert JobRunner(tmp_path).table.all()[0].job.state is State.QUEUED
    await jobs.reconcile()
    assert JobRunner(tmp_path).table.all()[0].job.state is State.DONE


async def test_closing_stops_what_runs_and_remembers_it(jobs: JobRunner, tmp_path: Path) -> None:
    closed: list[str] = []
    running = await jobs.start("learn", "A", plan(lambda: counting(10**9, closed), "q"))
    queued = await jobs.start("learn", "B", plan(lambda: counting(1), "q"))
    await begun(jobs, running)
    await jobs.close()
    assert closed == ["closed"]
    again = JobRunner(tmp_path)
    again.load()
    assert {again.events.get(job.id).state for job in (running, queued)} == {State.INTERRUPTED}


async def test_progress_never_runs_backwards(jobs: JobRunner) -> None:
    def wavering() -> Work[Result]:
        for share in (0.2, 0.5, 0.3, 2.0):
            yield Progress(share, "Hm")
        return {}

    job = await jobs.start("learn", "A", plan(wavering, "q"))
    seen = []
    while not job.state.is_end:
        await jobs.events.wait_for_change(job.id, job.version, 1)
        seen.append(job.progress)
    assert seen == sorted(seen)
    assert max(seen) == 1.0


async def test_waiting_for_a_change_ends_with_patience_or_the_job(jobs: JobRunner) -> None:
    job = await jobs.start("learn", "A", plan(lambda: counting(1), "q"))
    await ended(jobs, job)
    assert (await jobs.events.wait_for_change(job.id, job.version, 60)) is job
    with pytest.raises(NotFound):
        await jobs.events.wait_for_change("j-nope", 0, 1)
    with pytest.raises(NotFound):
        jobs.events.strip(job.id)


async def test_too_many_jobs_are_refused(jobs: JobRunner) -> None:
    made = [await jobs.start("learn", str(n), plan(endless, "q")) for n in range(MOST_WAITING)]
    with pytest.raises(Overloaded):
        await jobs.start("learn", "one more", plan(endless, "q"))
    for job in reversed(made):
        await jobs.cancel(job.id)
    await ended(jobs, made[0])


async def test_one_person_has_only_so_many_places_and_others_have_the_rest(jobs: JobRunner) -> None:
    made = [await jobs.start("learn", str(n), plan(endless, "q"), person="a") for n in range(MOST_PER_PERSON)]
    with pytest.raises(Overloaded, match="of yours"):
        await jobs.start("learn", "one more", plan(endless, "q"), person="a")
    made.append(await jobs.start("learn", "B", plan(endless, "q"), person="b"))
    for job in reversed(made):
        await jobs.cancel(job.id)
    await ended(jobs, made[0])
    made = [await jobs.start("learn", "again", plan(lambda: counting(1), "q"), person="a")]
    assert (await ended(jobs, made[0])).state is State.DONE


async def test_whoever_wants_one_job_does_not_wait_for_all_of_somebody_elses(jobs: JobRunner) -> None:
    everybody_is_in = threading.Event()
    work = plan(lambda: until(everybody_is_in))
    made = [await jobs.start("learn", who, work, person=who) for who in "aaab"]
    everybody_is_in.set()
    for job in made:
        await ended(jobs, job)
    first, second, third, other = (str(job.started) for job in made)
    assert first < other < second < third


async def test_a_queue_with_room_for_two_runs_two(tmp_path: Path) -> None:
    jobs = JobRunner(tmp_path, capacity={"device": 2})
    made = [await jobs.start("learn", str(n), plan(endless, "device")) for n in range(3)]
    for job in made[:2]:
        await begun(jobs, job)
    assert [job.state for job in made] == [State.RUNNING, State.RUNNING, State.QUEUED]
    await jobs.cancel(made[0].id)
    await begun(jobs, made[2])
    for job in made[1:]:
        await jobs.cancel(job.id)
        await ended(jobs, job)


async def test_a_job_taken_over_keeps_its_person_and_their_turn(jobs: JobRunner, tmp_path: Path) -> None:
    made = [await jobs.start("learn", who, plan(endless), {"to": "count"}, person=who) for who in "aab"]
    await begun(jobs, made[0])
    await asyncio.sleep(0)  # a task that is stopped before its first step leaves its job to the lease
    await jobs.close()
    everybody_is_in = threading.Event()
    again = await next_server(tmp_path, lambda: until(everybody_is_in))
    everybody_is_in.set()
    found = [again.events.get(job.id) for job in made]
    assert [job.person for job in found] == ["a", "a", "b"]
    for job in found:
        await ended(again, job)
    assert str(found[0].finished) < str(found[2].finished) < str(found[1].finished)


async def test_a_waiting_job_shows_its_place_and_the_time_left(tmp_path: Path) -> None:
    jobs = JobRunner(tmp_path)
    done = await jobs.start("learn", "Done", plan(lambda: counting(2)))
    await eventually(lambda: done.state is State.DONE)
    running = await jobs.start("learn", "Long", plan(endless))
    first = await jobs.start("learn", "First", plan(endless), person="one")
    second = await jobs.start("learn", "Second", plan(endless), person="one")
    other = await jobs.start("discover", "Other", plan(endless), person="two")
    assert [job.place for job in (running, first, second, other)] == [None, 1, 3, 2]  # people take turns
    assert second.message == "Waiting: 2 jobs before it"
    await eventually(lambda: running.state is State.RUNNING)
    running.eta_s = 40.0
    jobs._queues.announce()
    assert first.eta_s == pytest.approx(40, abs=5)
    assert (other.eta_s, second.eta_s) == (None, None)  # nobody knows yet how long a discovery takes
    await jobs.cancel(first.id)
    await eventually(lambda: other.place == 2 or other.place == 1)
    await jobs.cancel(running.id)
    await eventually(lambda: State.RUNNING in (second.state, other.state))
    assert {second.place, other.place} == {None, 1}
    await jobs.close()


async def test_a_short_job_runs_beside_a_long_one_and_goes_before_its_steps(tmp_path: Path) -> None:
    jobs, inference_thread = JobRunner(tmp_path), InferenceThread(grace=0.0)
    steps: list[str] = []

    def recorded(name: str, count: int) -> Work[Result]:
        for number in range(count):
            time.sleep(0.002)
            steps.append(name)
            yield Progress(number / count, name)
        return {}

    def task(name: str, count: int, queue: str, priority: Priority) -> Task:
        run_step = functools.partial(inference_thread.run, priority)
        return Task(lambda _: recorded(name, count), run_step, queue)

    long = await jobs.start("learn", "Long", task("long", 10_000, "device", Priority.WORK))
    await eventually(lambda: len(steps) > 3)
    short = await jobs.start("invert", "Short", task("short", 40, SHORT, Priority.SHORT_WORK))
    await eventually(lambda: short.state is State.DONE)
    window = steps[steps.index("short") :]
    assert window.count("short") == 40
    assert window.count("long") >= 3  # it is slowed down, not stopped
    assert long.state is State.RUNNING
    await jobs.close()
    inference_thread.close()


async def test_a_job_exists_before_it_is_prepared_and_fails_if_that_fails(tmp_path: Path) -> None:
    jobs, go = JobRunner(tmp_path), asyncio.Event()

    async def prepare() -> Task:
        await go.wait()
        return plan(lambda: counting(2))

    async def refuse() -> Task:
        raise NotFound("There is no generator.", "Choose another.")

    job = await jobs.start("invert", "Photo", prepared(SHORT, prepare))
    assert job.state is not State.DONE
    go.set()
    await eventually(lambda: job.state is State.DONE)
    failed = await jobs.start("invert", "Photo", prepared(SHORT, refuse))
    await eventually(lambda: failed.state is State.FAILED)
    assert failed.error is not None
    await jobs.close()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
