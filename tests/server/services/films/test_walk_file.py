"""Films of walks: complete or not at all, rendered by the next server after a crash, reproducible."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.errors import Invalid, ModelFailed
from latentwalk.films.estimates import estimate
from latentwalk.films.timeline import Timeline, read
from latentwalk.progress import Work, finish
from latentwalk.rendering.draw import draw
from latentwalk.rendering.image_codec import Pixels
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator
from server.services.films.destinations import ArchiveDestination
from server.services.films.walk import check_walk
from server.services.films.walk_file import render_walk_file
from server.services.workspace import Workspace
from server.settings import Settings
from server.storage.db.database import Database
from server.storage.db.job import Job
from server.storage.db.job_table import JobTable
from server.storage.film_archive import FilmArchive

ROOT = Path(__file__).parents[4]


@pytest.fixture
def loaded(tiny: Generator, make_slider: Callable[..., Direction]) -> LoadedGenerator:
    sway = make_slider(tiny.spec)
    return LoadedGenerator(tiny, tiny, lambda: {"sway": sway})


def walk(*amounts: float, **fields: Any) -> Timeline:
    first = {"generator": "tiny", "base": {"seed": 1}, "amounts": {"sway": amounts[0]}}
    keys: list[Any] = [{"at": 0, "edit": first}]
    keys += [{"at": n, "amounts": {"sway": amount}} for n, amount in enumerate(amounts) if n]
    output = fields.pop("output", {"fps": 4})
    data = {"version": 2, "generator": "tiny", "keyframes": keys, "seconds": len(amounts), "output": output}
    return read({**data, **fields})


def work(exports: FilmArchive, loaded: LoadedGenerator, timeline: Timeline, home: Path, **how: Any) -> Work[Any]:
    signer = Workspace.open(Settings(home=home)).signer
    return render_walk_file(check_walk(timeline, loaded), ArchiveDestination(exports, "x-1", "A film"), signer, **how)


def test_every_keyframe_is_checked_before_the_first_frame(loaded: LoadedGenerator) -> None:
    check_walk(walk(0, 5), loaded)
    with pytest.raises(Invalid, match="Keyframe 2: Sway cannot go to"):
        check_walk(walk(0, 99), loaded)


@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_a_film_is_archived_with_its_description(format: str, loaded: LoadedGenerator, tmp_path: Path) -> None:
    exports = FilmArchive(tmp_path / "exports")
    timeline = walk(0, 5, output={"fps": 4, "format": format})
    result = finish(work(exports, loaded, timeline, tmp_path))
    export = exports.get(result["export"])
    assert (export["title"], export["frames"], export["seconds"]) == ("A film", 8, 2.0)
    assert read(export["recipe"]) == timeline
    assert export["bytes"] == exports.film(export["id"]).stat().st_size
    assert export["credential"] == {"mp4": "embedded", "webm": "sidecar"}[format]
    found = Workspace.open(Settings(home=tmp_path)).signer.ledger.find(export["sha256"], [])
    assert [match.entry.export for match in found] == ["x-1"]
    assert exports.sweep(set()) == []


def test_the_same_walk_gives_the_same_frames(loaded: LoadedGenerator, tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        exports = FilmArchive(tmp_path / name)
        result = finish(work(exports, loaded, walk(0, 5, speed="even"), tmp_path))
        digests.add(exports.get(result["export"])["digest"])
    assert len(digests) == 1


def test_a_film_that_is_stopped_or_fails_leaves_no_folder(loaded: LoadedGenerator, tmp_path: Path) -> None:
    exports = FilmArchive(tmp_path / "exports")
    stopped = work(exports, loaded, walk(0, 5), tmp_path)
    next(stopped)
    stopped.close()
    assert not list((tmp_path / "exports").iterdir())

    def failing(edit: Edit) -> Pixels:
        if edit.amounts["sway"] > 2:
            raise ModelFailed("Broken.")
        return draw(edit, loaded)

    with pytest.raises(ModelFailed, match="Broken"):
        finish(work(exports, loaded, walk(0, 5), tmp_path, draw=failing))
    assert not list((tmp_path / "exports").iterdir())


def test_a_finished_film_is_not_rendered_again(loaded: LoadedGenerator, tmp_path: Path) -> None:
    exports = FilmArchive(tmp_path / "exports")
    finish(work(exports, loaded, walk(0, 5), tmp_path))
    before = exports.film("x-1").stat().st_mtime_ns
    assert finish(work(exports, loaded, walk(0, 5), tmp_path)) == {"export": "x-1"}
    assert exports.film("x-1").stat().st_mtime_ns == before


SERVE = """
import sys; from pathlib import Path
from server.app import serve
from server.settings import Settings
serve(Settings(home=Path(sys.argv[1]), port=int(sys.argv[2])))
"""


@pytest.mark.slow
def test_a_film_whose_server_is_killed_is_rendered_by_the_next(tmp_path: Path) -> None:
    edit = {"generator": "eyes", "base": {"seed": 1}}
    keys = [{"at": 0, "edit": edit}, {"at": 1, "edit": {**edit, "base": {"seed": 2}}}]
    timeline = {"version": 2, "generator": "eyes", "keyframes": keys, "seconds": 2, "output": {"fps": 15, "size": 32}}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def started() -> tuple[subprocess.Popen[bytes], str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-c", SERVE, str(tmp_path), str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            except httpx2.HTTPError:
                time.sleep(0.2)
        return process, f"http://127.0.0.1:{port}/api"

    first, api = started()
    try:
        job = httpx2.post(f"{api}/walks/export", json=timeline, timeout=120).json()
        for _ in range(3000):
            seen = httpx2.get(f"{api}/jobs/{job['id']}", timeout=30).json()
            if seen["message"].startswith("Frame") and seen["progress"] > 0.1:
                break
            time.sleep(0.02)
        assert seen["state"] == "running"
        os.kill(first.pid, signal.SIGKILL)
    finally:
        first.kill()
        first.wait()
    assert list((tmp_path / "exports").glob("*/.*.part"))  # it was in the middle of writing
    second, api = started()
    try:
        exports: list[Any] = []
        for _ in range(3000):
            exports = httpx2.get(f"{api}/exports", timeout=30).json()["exports"]
            if exports:
                break
            time.sleep(0.1)
        assert [export["frames"] for export in exports] == [30]
        data = httpx2.get(f"{api}/exports/{exports[0]['id']}/file", timeout=30).content
        assert len(data) == exports[0]["bytes"]
        restored = httpx2.post(f"{api}/walks/restore", content=data, timeout=30).json()
        assert restored["credential"]["state"] == "trusted"
        assert read(restored["timeline"]) == read(timeline)
        states = {one["state"] for one in httpx2.get(f"{api}/jobs", timeout=30).json()["jobs"]}
        assert states == {"done"}  # the same job, gone on with
    finally:
        second.terminate()
        second.wait(30)
    assert not list((tmp_path / "exports").glob("*/.*.part"))


def test_a_film_that_crashed_every_server_is_given_up(
    tmp_path: Path, run_app: Callable[[Path], AbstractContextManager[TestClient]]
) -> None:
    edit = {"generator": "eyes", "base": {"seed": 1}}
    keys = [{"at": 0, "edit": edit}, {"at": 900, "edit": edit}]
    recipe = {"version": 2, "generator": "eyes", "keyframes": keys, "play": "once"}
    database = Database.at(tmp_path)
    table = JobTable(database)
    for id, stored, attempts in (("x-1", recipe, 3), ("x-2", {"nonsense": True}, 1)):  # as crashed servers leave them
        job = Job(f"j-{id}", "export", id, created="2026-01-01")
        table.add(job, {"export": id, "recipe": stored, "title": id})
        (tmp_path / "exports" / id).mkdir(parents=True)
        table.release(job, attempts)
    database.close()
    with run_app(tmp_path) as client:
        for _ in range(100):
            found = {job["title"]: job for job in client.get("/api/jobs").json()["jobs"]}
            if all(job["state"] == "failed" for job in found.values()):
                break
            time.sleep(0.1)
        assert "crashed 3 times" in found["x-1"]["error"]["message"]
        assert found["x-2"]["error"]["message"].endswith(".")
    with run_app(tmp_path):
        assert not list((tmp_path / "exports").iterdir())


@pytest.mark.parametrize("format", ["mp4", "gif", "apng", "webp", "zip", "webm"])
def test_the_estimate_is_near_the_film(format: str, loaded: LoadedGenerator, tmp_path: Path) -> None:
    timeline = walk(0, 5, -5, 2, output={"fps": 25, "format": format, "size": 96})
    route = check_walk(timeline, loaded).route
    guess = finish(estimate(route, lambda edit: draw(edit, loaded), loaded.directions()))
    exports = FilmArchive(tmp_path / "exports")
    export = exports.get(finish(work(exports, loaded, timeline, tmp_path))["export"])
    for name in ("seconds", "frames", "fps", "width", "height"):
        assert getattr(guess, name) == export[name]
    assert 0.5 < guess.bytes / export["bytes"] < 2
    assert guess.render_seconds > 0
