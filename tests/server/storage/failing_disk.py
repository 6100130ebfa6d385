"""Runs a learning job on a disk that fails at one call; `test_failing_disk.py` starts it under `failing_disk.c`."""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import importlib
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
    """Replaces the report card, which writes nothing and takes longer than everything else."""
    yield Progress(1.0, "Measured")
    return {"n": 0}


class Server:
    """The parts of a server that learn and store, with a small generator."""

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
    """Learn while the disk fails, and report what was confirmed."""
    try:
        server.jobs.load()
        job = await server.jobs.start("learn", "Learning", await server.plan(), {"to": "learn"})
    except LatentwalkError as error:
        return {"confirmed": None, "refused": str(error)}
    await server.ended(job)
    return {"confirmed": job.id, "state": str(job.state), "message": job.message}


async def second(server: Server, result: dict[str, Any]) -> dict[str, Any]:
    """The next server, on a working disk: report what it finds and finishes."""
    server.jobs.load()
    await server.jobs.reconcile()
    for job in server.jobs.events.all():
        await server.ended(job)
    found = {job.id: dataclasses.asdict(job) for job in server.jobs.events.all()}
    learned = dict(server.library.directions("tiny").items())
    return {
        **result,
        "then": found.get(result["confirmed"] or ""),
        "jobs": len(found),
        "learned": to_bytes(learned["bright"]).hex() if "bright" in learned else None,
        "broken": [check.name for check in repair.examine(server.library.home, server.database)
                   if check.state == "broken"],
        "litter": [path.name for path in server.library.home.rglob("*.part")],
    }  # fmt: skip


def in_a_child(function: Any) -> Any:
    """Call `function` in a forked process, so that torch is imported only once, and return its result."""
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


def main(folder: Path, plan: list[tuple[int, int]]) -> None:
    """Print one line of JSON for each pair of an error code and the number of the call that fails with it.

    The line says what became of the job; for call 0, which never fails, also how many calls there were.
    """
    shim = ctypes.CDLL(None)
    torch.set_num_threads(1)
    learn.measure = short_card
    calibration.LATENTS = 32
    time.perf_counter = lambda: 0.0  # durations are written into the direction
    jobs_module.PAUSE = 0.02
    importlib.import_module("server.storage.db.migrations.upgrade")  # once, and not in every child
    generator = tiny_generator()
    for code, number in plan:
        home = folder / f"{code}-{number}"
        home.mkdir()

        def failing(home: Path = home, code: int = code, number: int = number) -> dict[str, Any]:
            server = Server(home, generator)
            shim.failing_arm(str(home).encode(), ctypes.c_long(number), code)
            result = asyncio.run(first(server))
            return {"calls": shim.failing_seen(), **result}

        def recovering(result: dict[str, Any], home: Path = home) -> dict[str, Any]:
            return asyncio.run(second(Server(home, generator), result))

        result = in_a_child(failing)
        answer = result if "crashed" in result else in_a_child(lambda: recovering(result))  # noqa: B023 - called here
        print(json.dumps({"code": code, "at": number, **answer}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
