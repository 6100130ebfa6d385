"""The rows of background work: held by one server at a time, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from server.jobs.job import Job, State
from server.storage.db import lease_owner
from server.storage.db.database import Database
from server.storage.db.job_table import LEASE, JobRow, JobTable


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def job(id: str, created: str = "2026-01-01", **fields: object) -> Job:
    return Job(id, "learn", "Learning", created=created, **fields)


def test_a_job_comes_back_as_it_was(database: Database) -> None:
    worklist = JobTable(database)
    one = job("j-1", detail={"loss": [[1, 0.5, None]]}, message="Ünterwegs")
    worklist.add(one, {"generator": "eyes", "settings": {"steps": 3}})
    one.state, one.progress = State.RUNNING, 0.25
    assert worklist.save(one)
    found = worklist.all()[0]
    assert found.request == {"generator": "eyes", "settings": {"steps": 3}}
    for name in ("id", "state", "progress", "message", "detail", "created", "error", "result", "eta_s"):
        assert getattr(found.job, name) == getattr(one, name)


def test_who_started_a_job_is_kept_with_it_and_goes_along(database: Database) -> None:
    first, second = JobTable(database, "here/x/1/1/0"), JobTable(database, "there/x/1/1/0")
    first.add(job("j-1", person="somebody"), {})
    first.add(job("j-2", created="2025"), {})
    assert [kept.job.person for kept in second.all()] == ["somebody", ""]
    first.release(first.all()[0].job)
    assert second.claim(second.free()[0])
    assert second.save(second.all()[0].job)
    assert [kept.job.person for kept in first.all()] == ["somebody", ""]


def test_what_no_database_can_hold_is_left_out(database: Database) -> None:
    worklist = JobTable(database)
    worklist.add(job("j-1", message="Film \ud800\0", detail={"x": "\ud800\0"}), {"title": "\0"})
    found = worklist.all()[0]
    assert (found.job.message, found.job.detail, found.request) == ("Film ?", {"x": "\ud800\0"}, {"title": "\0"})


def test_a_lease_holds_until_it_runs_out(database: Database) -> None:
    clock = Clock()
    first, second = (JobTable(database, f"{name}/x/1/1/0", clock) for name in ("here", "there"))
    first.add(job("j-1"), None)
    assert second.free() == []
    clock.now += LEASE - 1
    first.renew()
    clock.now += LEASE - 1
    assert second.free() == []
    clock.now += 2
    left = second.free()
    assert [kept.job.id for kept in left] == ["j-1"]
    assert second.claim(left[0])
    assert not first.save(job("j-1", state=State.DONE))
    assert second.save(job("j-1", state=State.DONE))
    assert second.free() == first.free() == []


def test_of_many_who_claim_a_job_one_gets_it(url: str) -> None:
    database = Database(url)
    JobTable(database, "gone/x/1/1/0").keep([JobRow(job("j-1"))])
    kept = JobTable(database).free()[0]
    won: list[str] = []

    def claim(name: str) -> None:
        mine = Database(url)
        if JobTable(mine, name).claim(kept):
            won.append(name)
        mine.close()

    threads = [threading.Thread(target=claim, args=(f"s/x/{number}/1/0",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert len(won) == 1


def test_beginnings_are_counted_until_there_is_a_new_checkpoint(database: Database) -> None:
    worklist = JobTable(database)
    worklist.add(job("j-1"), {})
    assert [worklist.begin("j-1", mark) for mark in (0, 0, 0, 2, 2, 5)] == [1, 2, 3, 1, 2, 1]
    worklist.release(job("j-1"))
    kept = worklist.free()[0]
    assert (kept.owner, kept.attempts) == (None, 0)


def test_a_wish_to_stop_reaches_whoever_holds_the_job(database: Database) -> None:
    first, second = JobTable(database, "here/x/1/1/0"), JobTable(database, "there/x/1/1/0")
    first.add(job("j-1"), {})
    second.stop("j-1")
    assert second.renew() == set()
    assert first.renew() == {"j-1"}


def test_only_what_is_over_is_forgotten(database: Database) -> None:
    worklist = JobTable(database)
    for number in range(5):
        state = State.RUNNING if number == 0 else State.DONE
        worklist.keep([JobRow(job(f"j-{number}", f"2026-01-0{number + 1}", state=state))])
    worklist.trim(2)
    assert [kept.job.id for kept in worklist.all()] == ["j-4", "j-3", "j-0"]


def test_what_is_kept_already_is_left_as_it_is(database: Database) -> None:
    worklist = JobTable(database)
    worklist.keep([JobRow(job("j-1", message="first"))])
    worklist.keep([JobRow(job("j-1", message="second"))])
    assert [kept.job.message for kept in worklist.all()] == ["first"]


def test_an_owner_is_gone_with_its_process_and_not_before() -> None:
    assert not lease_owner.is_gone(lease_owner.this())
    code = "from server.storage.db import owners; print(owners.this())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert lease_owner.is_gone(done.stdout.strip())
    machine = "/".join(lease_owner._machine())
    assert lease_owner.is_gone(f"{machine}/{os.getpid()}/1/00")  # a number that another process has by now
    assert not lease_owner.is_gone("elsewhere/boot/1/1/00")
    assert not lease_owner.is_gone("nonsense")
