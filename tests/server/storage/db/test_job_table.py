"""The table of jobs: each is held by one server at a time, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from server.storage.db import lease_owner
from server.storage.db.database import Database
from server.storage.db.job import Job, State
from server.storage.db.job_table import LEASE, JobTable


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def job(id: str, created: str = "2026-01-01", **fields: object) -> Job:
    return Job(id, "learn", "Learning", created=created, **fields)


def test_a_job_is_read_as_it_was_saved(database: Database) -> None:
    table = JobTable(database)
    one = job("j-1", detail={"loss": [[1, 0.5, None]]}, message="Ünterwegs")
    table.add(one, {"generator": "eyes", "settings": {"steps": 3}})
    one.state, one.progress = State.RUNNING, 0.25
    assert table.save(one)
    row = table.all()[0]
    assert row.request == {"generator": "eyes", "settings": {"steps": 3}}
    for name in ("id", "state", "progress", "message", "detail", "created", "error", "result", "eta_s"):
        assert getattr(row.job, name) == getattr(one, name)


def test_the_person_who_started_a_job_stays_with_it_when_it_is_claimed(database: Database) -> None:
    first, second = JobTable(database, "here/x/1/1/0"), JobTable(database, "there/x/1/1/0")
    first.add(job("j-1", person="somebody"), {})
    first.add(job("j-2", created="2025"), {})
    assert [row.job.person for row in second.all()] == ["somebody", ""]
    first.release(first.all()[0].job)
    assert second.claim(second.free()[0])
    assert second.save(second.all()[0].job)
    assert [row.job.person for row in first.all()] == ["somebody", ""]


def test_characters_that_postgresql_cannot_store_are_removed(database: Database) -> None:
    table = JobTable(database)
    table.add(job("j-1", message="Film \ud800\0", detail={"x": "\ud800\0"}), {"title": "\0"})
    row = table.all()[0]
    assert (row.job.message, row.job.detail, row.request) == ("Film ?", {"x": "\ud800\0"}, {"title": "\0"})


def test_a_job_is_free_only_once_its_lease_expired(database: Database) -> None:
    clock = Clock()
    first, second = (JobTable(database, f"{name}/x/1/1/0", clock) for name in ("here", "there"))
    first.add(job("j-1"), None)
    assert second.free() == []
    clock.now += LEASE - 1
    first.renew()
    clock.now += LEASE - 1
    assert second.free() == []
    clock.now += 2
    free = second.free()
    assert [row.job.id for row in free] == ["j-1"]
    assert second.claim(free[0])
    assert not first.save(job("j-1", state=State.DONE))
    assert second.save(job("j-1", state=State.DONE))
    assert second.free() == first.free() == []


def test_of_many_servers_that_claim_a_job_exactly_one_succeeds(url: str) -> None:
    database = Database(url)
    JobTable(database, "gone/x/1/1/0", lambda: -LEASE).add(job("j-1"), None)
    row = JobTable(database).free()[0]
    winners: list[str] = []

    def claim(name: str) -> None:
        own = Database(url)
        if JobTable(own, name).claim(row):
            winners.append(name)
        own.close()

    threads = [threading.Thread(target=claim, args=(f"s/x/{number}/1/0",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert len(winners) == 1


def test_attempts_are_counted_per_checkpoint(database: Database) -> None:
    table = JobTable(database)
    table.add(job("j-1"), {})
    assert [table.begin("j-1", mark) for mark in (0, 0, 0, 2, 2, 5)] == [1, 2, 3, 1, 2, 1]
    table.release(job("j-1"))
    row = table.free()[0]
    assert (row.owner, row.attempts) == (None, 0)


def test_a_cancellation_reaches_the_server_that_holds_the_job(database: Database) -> None:
    first, second = JobTable(database, "here/x/1/1/0"), JobTable(database, "there/x/1/1/0")
    first.add(job("j-1"), {})
    second.stop("j-1")
    assert second.renew() == set()
    assert first.renew() == {"j-1"}


def test_trimming_deletes_only_finished_jobs(database: Database) -> None:
    table = JobTable(database)
    for number in range(5):
        state = State.RUNNING if number == 0 else State.DONE
        table.add(job(f"j-{number}", f"2026-01-0{number + 1}", state=state), None)
    table.trim(2)
    assert [row.job.id for row in table.all()] == ["j-4", "j-3", "j-0"]


def test_an_owner_is_gone_once_its_process_has_ended() -> None:
    assert not lease_owner.is_gone(lease_owner.this())
    code = "from server.storage.db import lease_owner; print(lease_owner.this())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert lease_owner.is_gone(done.stdout.strip())
    machine = "/".join(lease_owner._machine())
    assert lease_owner.is_gone(f"{machine}/{os.getpid()}/1/00")  # a process id that was reused
    assert not lease_owner.is_gone("elsewhere/boot/1/1/00")
    assert not lease_owner.is_gone("nonsense")
