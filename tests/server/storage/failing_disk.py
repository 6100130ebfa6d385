"""One learning job on a disk that fails at one call: run by `test_failing_disk.py` with `failing.c` loaded first."""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from latentwalk.directions.direction_file import to_bytes
from latentwalk.errors import LatentwalkError
from latentwalk.progress import Progress, Work
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering.learning import learn
from latentwalk.steering.learning.settings import LearnSettings
from latentwalk.steering.measuring import calibration
from server.jobs import runner as jobs_module
from server.jobs.runner import JobRunner
from server.jobs.task import Task
from server.ops import repair
from server.services.directions import learning
from server.services.directions.sinks import LibrarySink
from server.storage.db.database import Database
from server.storage.db.job import Job
from server.storage.library import Library
from tests.conftest import tiny_generator

SETTINGS = LearnSettings("brightness", steps=24, batch=2)
DATE = "2026-01-01"


def short_card(*arguments: object) -> Work[dict[str, Any]]:
    """In place of a report card, which writes nothing and takes longer than all the rest."""
    yield Progress(1.0, "Measured")
    return {"n": 0}


class Server:
    """What of a server learns and keeps, with a generator of its own."""

    def __init__(self, home: Path, generator: Any) -> None:
        self.database = Database.at(home)
        self.library = Library(home, bundled=home / "none", database=self.database)
        self.library.spec = lambda name: generator.spec  # type: ignore[method-assign]
        self.jobs = JobRunner(home, self.database)
        self.generator = generator
        self.jobs.register("learn", lambda job, request: self.plan())

    async def plan(self) -> Task:
        ready = LoadedGenerator(self.generator, self.generator, dict)

        request = learning.LearnRequest(generator="tiny", settings=SETTINGS, id="bright", created=DATE)
        return learning.task(request, ready, LibrarySink(self.library))

    async def ended(self, job: Job) -> None:
        async with asyncio.timeout(120):
            while not job.state.is_end:
                job = await self.jobs.events.wait_for_change(job.id, job.version, 1)
            await self.jobs.reconcile()


async def first(server: Server) -> dict[str, Any]:
    """Learn while the disk fails; what was confirmed."""
    try:
        server.jobs.load()
        job = await server.jobs.start("learn", "Learning", await server.plan(), {"to": "learn"})
    except LatentwalkError as error:
        return {"confirmed": None, "refused": str(error)}
    await server.ended(job)
    return {"confirmed": job.id, "state": str(job.state), "message": job.message}


async def second(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """The next server, on a sound disk: what it finds and finishes."""
    server.jobs.load()
    await server.jobs.reconcile()
    for job in server.jobs.events.all():
        await server.ended(job)
    found = {job.id: dataclasses.asdict(job) for job in server.jobs.events.all()}
    learned = dict(server.library.directions("tiny").items())
    return {
        **told,
        "then": found.get(told["confirmed"] or ""),
        "jobs": len(found),
        "learned": to_bytes(learned["bright"]).hex() if "bright" in learned else None,
        "broken": [check.name for check in repair.examine(server.library.home, server.database)
                   if check.state == "broken"],
        "litter": [path.name for path in server.library.home.rglob("*.part")],
    }  # fmt: skip


def in_a_child(function: Any) -> Any:
    """What `function` returns, in a process of its own: importing torch once is enough."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(into, json.dumps(function(), default=str).encode())
        except BaseException as error:
            os.write(into, json.dumps({"crashed": repr(error)}).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer)


def main(folder: Path, code: int, calls: list[int]) -> None:
    """One line of JSON a call: the calls there are for 0, else what became of a job whose n-th call failed."""
    shim = ctypes.CDLL(None)
    torch.set_num_threads(1)
    learn.measure = short_card
    calibration.LATENTS = 32
    time.perf_counter = lambda: 0.0  # how long it took is written into the direction
    jobs_module.PAUSE = 0.02
    generator = tiny_generator()
    for number in calls:
        home = folder / f"{code}-{number}"
        home.mkdir()

        def failing(home: Path = home, number: int = number) -> dict[str, Any]:
            server = Server(home, generator)
            shim.failing_arm(str(home).encode(), ctypes.c_long(number), code)
            told = asyncio.run(first(server))
            return {"calls": shim.failing_seen(), **told}

        def sound(told: dict[str, Any], home: Path = home) -> dict[str, Any]:
            return asyncio.run(second(Server(home, generator), told))

        told = in_a_child(failing)
        answer = told if "crashed" in told else in_a_child(lambda: sound(told))  # noqa: B023 - called at once
        print(json.dumps({"at": number, **answer}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]))
