"""What every back end owes people, asked of a real server that draws by itself and of one that draws with Ray."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from websockets.asyncio.client import connect

from latentwalk.directions.direction_file import to_bytes
from latentwalk.edit import parse
from latentwalk.rendering import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.catalogue import local
from server.api import frame_protocol
from server.cli.bench.simulated_user import Drag, SimulatedUser, Track
from server.storage.library import Library
from tests.conftest import put, slider, styled
from tests.walk_bodies import sweep_body

pytestmark = pytest.mark.slow
EDIT: dict[str, Any] = {"generator": "styled", "base": {"seed": 7}, "amounts": {"sway": 4}}
PAUSE = 5.0  # seconds that people may wait while a worker is lost


@dataclass(frozen=True)
class House:
    """A server and its home."""

    url: str
    home: Path
    ray: bool

    @property
    def socket(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws/live"

    def ask(self, path: str, body: Any = None, method: str | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            told: bytes = answer.read()
            return told

    def json(self, path: str, body: Any = None) -> Any:
        return json.loads(self.ask(path, body))

    def refusal(self, path: str, body: Any) -> tuple[int, dict[str, str]]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.ask(path, body)
        return caught.value.code, json.loads(caught.value.read())["error"]

    def ended(self, job: dict[str, Any], meanwhile: Callable[[dict[str, Any]], None] = lambda job: None) -> Any:
        deadline = time.monotonic() + 120
        while job["state"] not in ("done", "failed", "cancelled", "interrupted"):
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
            job = self.json(f"/api/jobs/{job['id']}")
            meanwhile(job)
        return job

    def drag(self, seed: int = 0) -> Drag:
        told = self.json("/api/directions?generator=styled")["directions"]
        return Drag("styled", [Track.of(one) for one in told if one["id"] == "sway"], seed)


@pytest.fixture(scope="module", params=["embedded", "ray"])
def house(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    run_server: Callable[..., AbstractContextManager[str]],
) -> Iterator[House]:
    home = tmp_path_factory.mktemp(request.param)
    spec, state = styled()
    local.save(home / "generators", spec, state)
    put(home, slider(spec))
    ray = request.param == "ray"
    if ray:
        pytest.importorskip("ray")
    with run_server(home, LATENTWALK_RAY="local" if ray else "", LATENTWALK_FIRST="styled") as url:
        yield House(url, home, ray)


def here(home: Path) -> LoadedGenerator:
    """The same generator in this process."""
    library = Library(home)
    model = library.load("styled")
    return LoadedGenerator(model, model, lambda: library.directions("styled"))


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_an_image_is_the_same_pixels_wherever_it_is_drawn(house: House) -> None:
    for seed in range(6):
        edit = {**EDIT, "base": {"seed": seed}}
        there = opened(house.ask("/api/render", edit))
        assert np.array_equal(there, draw.draw(parse(edit), here(house.home)))


def test_a_file_carries_its_edit(house: House) -> None:
    found = Image.open(io.BytesIO(house.ask("/api/render", EDIT)))
    assert any("styled" in str(value) for value in found.info.values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"generator": "nobody"}, 404),
        ({"amounts": {"taste": 1}}, 422),
        ({"classes": {"heptagonal": 1.0}}, 422),
        ({"base": {"seed": -1}}, 422),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_same_sentence(
    house: House, change: dict[str, Any], code: int
) -> None:
    got, error = house.refusal("/api/render", {**EDIT, **change})
    assert got == code
    said = SAID.setdefault(json.dumps(change), (got, error))
    assert (got, error) == said
    assert set(error) == {"code", "message", "hint"}


SAID: dict[str, tuple[int, dict[str, str]]] = {}


async def test_the_last_edit_gets_its_frame_and_then_the_exact_one(house: House) -> None:
    async with asyncio.timeout(60), connect(house.socket, compression=None) as socket:
        await socket.recv()
        for rev in range(1, 31):
            await socket.send(json.dumps({"rev": rev, "edit": {**EDIT, "amounts": {"sway": rev / 3}}, "ack": rev - 1}))
        header, picture = None, b""
        while header is None or not (header.settled and header.rev == 30):
            header, picture = frame_protocol.unpack(await socket.recv())  # type: ignore[arg-type]
            await socket.send(json.dumps({"ack": header.rev}))
        exact = draw.draw(parse({**EDIT, "amounts": {"sway": 10}}), here(house.home))
        assert np.array_equal(opened(picture), exact)


async def test_a_slider_that_is_not_there_is_refused_and_the_socket_goes_on(house: House) -> None:
    async with asyncio.timeout(60), connect(house.socket, compression=None) as socket:
        await socket.recv()
        await socket.send(json.dumps({"rev": 1, "edit": {**EDIT, "amounts": {"taste": 1}}}))
        told = json.loads(await socket.recv())
        assert told["rev"] == 1
        assert "taste" in told["error"]["message"]
        await socket.send(json.dumps({"rev": 2, "edit": EDIT}))
        header, _ = frame_protocol.unpack(await socket.recv())  # type: ignore[arg-type]
        assert header.rev == 2


async def test_many_people_are_served_alike(house: House) -> None:
    users = [SimulatedUser(house.socket, house.drag(seed)) for seed in range(8)]
    await asyncio.gather(*(user.open() for user in users))
    await asyncio.gather(*(user.drag_for(2) for user in users))
    assert [user.errors for user in users] == [0] * 8
    assert all(user.received_last for user in users)
    frames = [user.frames for user in users]
    assert sum(frames) ** 2 / (8 * sum(count**2 for count in frames)) > 0.8
    await asyncio.gather(*(user.close() for user in users))


def test_a_slider_that_is_learned_is_there_for_the_next_picture(house: House) -> None:
    wish = {"generator": "styled", "transform": "brightness", "id": "bright", "steps": 30, "layers": "all"}
    job = house.ended(house.json("/api/directions/learn", wish))
    assert job["state"] == "done", job
    assert job["result"] == {"generator": "styled", "direction": "bright"}
    edit = {**EDIT, "amounts": {"bright": 3}}
    assert np.array_equal(opened(house.ask("/api/render", edit)), draw.draw(parse(edit), here(house.home)))


def test_what_cannot_be_learned_is_refused_before_there_is_a_job(house: House) -> None:
    before = len(house.json("/api/jobs")["jobs"])
    code, _ = house.refusal("/api/directions/learn", {"generator": "nobody", "transform": "zoom"})
    assert code == 404
    assert len(house.json("/api/jobs")["jobs"]) == before


def test_directions_nobody_asked_for_are_found(house: House) -> None:
    job = house.ended(house.json("/api/directions/discover", {"generator": "styled", "method": "pca", "count": 2}))
    assert job["state"] == "done", job
    assert len(job["result"]["directions"]) == 2


def test_learning_can_be_stopped(house: House) -> None:
    wish = {"generator": "styled", "transform": "zoom", "id": "never", "steps": 20_000}
    job = house.json("/api/directions/learn", wish)
    time.sleep(0.5)
    house.ask(f"/api/jobs/{job['id']}", method="DELETE")
    assert house.ended(job)["state"] == "cancelled"


def test_a_walk_is_filmed(house: House) -> None:
    body = sweep_body(EDIT, "sway", seconds=1.0, fps=8)
    job = house.ended(house.json("/api/walks/export", body))
    assert job["state"] == "done", job
    frames = Image.open(io.BytesIO(house.ask(f"/api/exports/{job['result']['export']}/file")))
    assert getattr(frames, "n_frames", 1) == 8


def test_what_was_not_installed_is_not_drawn(house: House) -> None:
    code, error = house.refusal("/api/render", {"generator": "faces", "base": {"seed": 1}})
    assert code == 404
    assert "latentwalk pull faces" in error["hint"]


# What only a back end of several workers can be asked.


def workers(kind: str) -> list[int]:
    """The processes of a kind of worker on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes().startswith(f"ray::{kind}".encode()):
                found.append(int(path.parent.name))
    return found


def named(part: str) -> list[int]:
    """The processes with this in the path of their program."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if part in path.read_bytes().split(b"\0")[0].decode(errors="replace"):
                found.append(int(path.parent.name))
    return found


several = pytest.mark.parametrize("house", ["ray"], indirect=True)


def whole(house: House) -> bool:
    """Whether both workers draw again, in time."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if house.json("/healthz")["device"].endswith(" ×2"):
            return True
        time.sleep(0.1)
    return False


@several
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stuck"])
async def test_a_worker_is_lost_while_people_drag_and_they_hardly_notice(house: House, how: signal.Signals) -> None:
    assert whole(house)
    users = [SimulatedUser(house.socket, house.drag(seed)) for seed in range(4)]
    await asyncio.gather(*(user.open() for user in users))
    lost = workers("RenderWorker")

    async def lose() -> None:
        await asyncio.sleep(1)
        os.kill(lost[0], how)

    await asyncio.gather(lose(), *(user.drag_for(6) for user in users))
    assert [user.errors for user in users] == [0] * 4
    assert all(user.received_last for user in users)
    assert max(trip for user in users for trip in user.round_trips) < PAUSE
    await asyncio.gather(*(user.close() for user in users))
    if how == signal.SIGSTOP:
        os.kill(lost[0], signal.SIGCONT)
    assert whole(house)


@several
def test_learning_goes_on_when_its_worker_is_lost(house: House) -> None:
    wish = {"generator": "styled", "transform": "brightness", "steps": 60, "layers": "all"}
    undisturbed = house.ended(house.json("/api/directions/learn", {**wish, "id": "whole"}))
    assert undisturbed["state"] == "done"
    left = [signal.SIGKILL]

    def kill(job: dict[str, Any]) -> None:
        if job["progress"] > 0.5 and left:
            os.kill(workers("LearningWorker")[0], left.pop())

    job = house.ended(house.json("/api/directions/learn", {**wish, "id": "broken"}), kill)
    assert job["state"] == "done", job["error"]
    assert not left
    library = Library(house.home)
    one, other = (library.direction("styled", id).walk.tensors() for id in ("whole", "broken"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@several
def test_a_slider_that_is_brought_is_known_to_every_worker(house: House) -> None:
    data = to_bytes(slider(styled()[0], "brought", seed=9))
    asked = urllib.request.Request(f"{house.url}/api/directions/upload", data, method="POST")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert answer.status == 201
    expected = draw.draw(parse({**EDIT, "amounts": {"brought": 5}}), here(house.home))
    for _ in range(8):
        assert np.array_equal(opened(house.ask("/api/render", {**EDIT, "amounts": {"brought": 5}})), expected)


@several
def test_a_cluster_of_our_own_listens_on_this_machine_alone(house: House) -> None:
    ours = [*workers("RenderWorker"), *workers("LearningWorker"), *named("raylet/raylet"), *named("gcs/gcs_server")]
    assert len(ours) >= 5
    sockets = {os.readlink(link) for pid in ours for link in Path(f"/proc/{pid}/fd").glob("*") if link.is_symlink()}
    tables = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    listening = [row[1].split(":")[0] for row in tables if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    assert listening
    # 127.0.0.1 as the kernel writes it, and the same as an IPv6 address.
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F"}


def test_a_server_that_is_stopped_takes_its_workers_along(
    tmp_path: Path, run_server: Callable[..., AbstractContextManager[str]]
) -> None:
    pytest.importorskip("ray")
    local.save(tmp_path / "generators", *styled())
    before = {*workers("RenderWorker"), *workers("LearningWorker")}
    with run_server(tmp_path, LATENTWALK_RAY="local", LATENTWALK_WORKERS="1", LATENTWALK_FIRST="styled") as url:
        House(url, tmp_path, True).ask("/api/render", {**EDIT, "amounts": {}})
        ours = {*workers("RenderWorker"), *workers("LearningWorker")} - before
        assert ours
    until = time.monotonic() + 20
    while ours & {*workers("RenderWorker"), *workers("LearningWorker")} and time.monotonic() < until:
        time.sleep(0.1)
    assert not ours & {*workers("RenderWorker"), *workers("LearningWorker")}
