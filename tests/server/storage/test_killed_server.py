"""A server that is killed at random moments: nothing it confirmed is lost, every job ends, the home is intact."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.progress import finish
from models.catalogue import local
from server.ops.repair import examine, repair
from server.storage.db.bookmarks import SharedStates
from server.storage.db.database import Database
from server.storage.library import Library
from server.storage.workspace_archive import pack as packed
from server.storage.workspace_archive import unpack
from tests.conftest import slider, styled

ROOT = Path(__file__).parents[3]
ENDED = ("done", "failed", "cancelled", "interrupted")


@dataclass
class Promises:
    """What the server confirmed in its responses."""

    uploads: dict[str, bytes] = field(default_factory=dict)
    bookmarks: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    done: dict[str, Any] = field(default_factory=dict)
    packed: list[Path] = field(default_factory=list)


class Running:
    """A server on a home, and a client that keeps it busy until it is killed."""

    def __init__(self, home: Path, promises: Promises) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.api = f"http://127.0.0.1:{port}/api"
        self.home, self.promises = home, promises
        self.environment = {**os.environ, "LATENTWALK_HOME": str(home), "LATENTWALK_FIRST": "styled"}
        self.process = self.command("serve", "--port", str(port))

    def command(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "server.cli.main", *words],
            cwd=ROOT, env={**self.environment, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server did not start"
            try:
                httpx2.get(f"{self.api}/jobs", timeout=5)
                return
            except httpx2.HTTPError:
                time.sleep(0.1)
        raise TimeoutError("the server did not start")

    def busy(self, number: int) -> None:
        """Upload, bookmark, learn and export until the server no longer responds, and record what it confirmed."""
        spec, _ = styled()
        film = {"edit": {"generator": "styled", "base": {"seed": number}}, "sweep": "red", "seconds": 1, "fps": 10}
        try:
            with httpx2.Client(timeout=20) as client:
                for turn in range(10_000):
                    id = f"up_{number}_{turn}"
                    data = to_bytes(slider(spec, id, seed=turn))
                    if client.post(f"{self.api}/directions/upload", content=data).status_code == 201:
                        self.promises.uploads[id] = data
                    answer = client.post(f"{self.api}/bookmarks", json={"title": id, "edit": film["edit"]})
                    if answer.status_code == 201:
                        self.promises.bookmarks.add(answer.json()["id"])
                    listed = client.get(f"{self.api}/jobs")
                    if listed.status_code != 200:  # a refusal, for example while another process holds the database
                        continue
                    jobs = listed.json()["jobs"]
                    self.promises.done |= {job["id"]: job for job in jobs if job["state"] == "done"}
                    under_way = {job["kind"] for job in jobs if job["state"] not in ENDED}
                    requests: list[tuple[str, str, Any]] = [
                        ("learn", "directions/learn",
                         {"generator": "styled", "transform": "red", "id": f"red_{number}_{turn}", "steps": 60}),
                        ("export", "exports", film),
                    ]  # fmt: skip
                    for kind, address, body in requests:
                        if kind not in under_way:
                            answer = client.post(f"{self.api}/{address}", json=body)
                            if answer.status_code == 202:
                                self.promises.jobs.add(answer.json()["id"])
                    time.sleep(0.05)
        except (httpx2.HTTPError, ValueError):
            return  # it was killed

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def check_intact(home: Path, promises: Promises) -> None:
    """What must hold on the disk after every kill, before anything is repaired or started."""
    database = Database.at(home)
    assert [check for check in examine(home, database) if check.state == "broken"] == []
    rows = {one.id for one in SharedStates(database).page().bookmarks}
    assert promises.bookmarks <= rows
    learned = Library(home, database=database).directions("styled")
    assert set(promises.uploads) <= set(learned)
    for job in promises.done.values():
        if job["kind"] == "learn":
            assert job["result"]["direction"] in learned
    database.close()


def killed_repeatedly(tmp_path: Path, kills: int, seed: int, longest: float = 6.0) -> None:
    """Kill a busy server up to `longest` seconds after it is ready, again and again, and check the home each time."""
    chance = random.Random(seed)
    home, other, promises = tmp_path / "home", tmp_path / "other", Promises()
    spec, state = styled()
    local.save(home / "generators", spec, state)
    Library(home).keep(slider(spec, "red"))
    for number in range(kills):
        server = Running(home, promises)
        mover: subprocess.Popen[bytes] | None = None
        client: threading.Thread | None = None
        try:
            if chance.random() < 0.8:  # otherwise it is killed during start-up
                server.wait()
                client = threading.Thread(target=server.busy, args=(number,), daemon=True)
                client.start()
            pack = tmp_path / f"pack-{number}.zip"
            if promises.packed and chance.random() < 0.5:
                words = ("workspace", "import", "--replace", str(promises.packed[-1]))
                mover = server.command(*words, LATENTWALK_HOME=str(other))
            elif chance.random() < 0.5:
                mover = server.command("workspace", "export", str(pack))
            time.sleep(chance.uniform(0, longest))
            if mover is not None and chance.random() < 0.5:
                mover.wait(120)  # some commands finish while the server runs on
        finally:
            server.kill()
            if mover is not None:
                if mover.poll() == 0 and pack.exists():
                    promises.packed.append(pack)
                mover.kill()
                mover.wait()
        if client is not None:
            client.join(30)  # it records its last confirmations before they are checked
        check_intact(home, promises)
        if mover is not None and (other / "latentwalk.sqlite").exists():
            check_intact(other, Promises())
    last = Running(home, promises)
    try:
        last.wait()
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            jobs = {job["id"]: job for job in httpx2.get(f"{last.api}/jobs", timeout=30).json()["jobs"]}
            if all(job["state"] in ENDED for job in jobs.values()):
                break
            time.sleep(0.1)
        states = [f"{job['kind']} {job['state']}" for job in jobs.values()]
        states += [f"because: {job['error']['message'][:80]}" for job in jobs.values() if job["state"] == "failed"]
        counted = {state: states.count(state) for state in sorted(set(states))}
        print(f"{kills} kills: {len(promises.uploads)} uploads, {len(promises.bookmarks)} bookmarks confirmed")
        print(f"{len(promises.packed)} packs, {len(promises.jobs)} jobs confirmed, of the newest: {counted}")
        for id in promises.jobs & set(jobs):  # the newest hundred are listed
            assert jobs[id]["state"] in ("done", "failed"), jobs[id]
            if jobs[id]["state"] == "failed":
                assert jobs[id]["error"]["message"].endswith(".")
        assert len(promises.jobs) > 100 or promises.jobs <= set(jobs)
        for id, data in list(promises.uploads.items())[-5:]:
            found = httpx2.get(f"{last.api}/directions/styled/{id}/file", timeout=30).content
            assert to_bytes(from_bytes(found)) == to_bytes(from_bytes(data))
        for export in httpx2.get(f"{last.api}/exports", timeout=30).json()["exports"]:
            path = export["url"].removeprefix("/api")
            assert len(httpx2.get(f"{last.api}{path}", timeout=30).content) == export["bytes"]
    finally:
        last.process.terminate()
        last.process.wait(30)
    check_intact(home, promises)
    # A server that was killed between a file and its row leaves a direction that nobody was promised: repair adds it.
    assert [result.name for result in repair(home, Database.at(home))] in ([], ["library"])
    check_intact(home, promises)
    for pack in promises.packed[-1:]:
        finish(unpack(pack, tmp_path / "fresh", Database.at(tmp_path / "fresh")))
        check_intact(tmp_path / "fresh", Promises())


@pytest.mark.slow
def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    killed_repeatedly(tmp_path, 3, 7, longest=2.5)


@pytest.mark.soak
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    killed_repeatedly(tmp_path, 50, 11)


@pytest.mark.soak
def test_exports_and_imports_that_are_killed_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(3)
    home, other, pack = tmp_path / "home", tmp_path / "other", tmp_path / "w.zip"
    spec, state = styled()
    for place in (home, other):
        local.save(place / "generators", spec, state)
    here, there = Library(home), Library(other)
    there.keep(slider(spec, "mine"))
    for number in range(200):
        here.keep(slider(spec, f"up_{number}", seed=number), bytes([number]))
    finish(packed(home, Database.at(home), pack))
    before, killed = pack.read_bytes(), 0
    for words, place in 10 * [(("export", str(pack)), home), (("import", str(pack)), other)]:
        environment = {**os.environ, "LATENTWALK_HOME": str(place)}
        command = [sys.executable, "-m", "server.cli.main", "workspace", *words]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            process.stderr.readline()  # it has begun
            time.sleep(chance.uniform(0, chance.choice((0.02, 0.2, 1.0))))
            process.kill()
            killed += process.wait() != 0
        check_intact(other, Promises(uploads={"mine": b""}))
        with zipfile.ZipFile(pack) as archive:
            assert archive.testzip() is None
    print(f"20 times, {killed} of them cut off")
    assert len(pack.read_bytes()) == len(before)
    finish(unpack(pack, other, Database.at(other)))
    check_intact(other, Promises(uploads={f"up_{number}": b"" for number in range(200)}))
