"""The running server: start-up, readiness, metrics, logs and shutdown."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server.api import frame_protocol
from server.api.server_runner import addresses
from server.app import create_app
from server.engine.backend import EmbeddedBackend
from server.settings import Settings

ROOT = Path(__file__).parents[3]
EDIT = {"generator": "eyes", "base": {"seed": 7}}


@contextmanager
def started(home: Path, *options: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """`latentwalk serve` on a free port; its base URL, its process, and what it said until it was ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", "serve", "--port", str(port), *options],
        cwd=ROOT,
        env={**os.environ, "LATENTWALK_HOME": str(home), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        while process.poll() is None:
            lines.append(process.stderr.readline())
            if '"event": "started"' in lines[-1]:
                break
        yield f"http://127.0.0.1:{port}", process, lines
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def seen(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_are_prometheus_text_and_count_requests_and_refusals(client: TestClient) -> None:
    before = seen(client)
    client.post("/api/render", json=EDIT)
    client.get("/nowhere/at/all")
    client.get("/healthz", headers={"host": "evil.example"})
    client.get("/api/jobs/j-nope")
    after = seen(client)

    def rise(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0)

    assert rise("latentwalk_http_requests_total", method="POST", route="/api/render", status="200") == 1
    assert rise("latentwalk_http_requests_total", method="GET", route="other", status="404") == 1
    assert rise("latentwalk_http_requests_total", method="GET", route="other", status="403") == 1
    assert rise("latentwalk_http_requests_total", method="GET", route="/api/jobs/{id}", status="404") == 1
    assert rise("latentwalk_refusals_total", reason="host") == 1
    assert rise("latentwalk_http_seconds_count", route="/api/render") == 1
    assert {dict(labels)["kind"] for name, labels in after if name == "latentwalk_lane_waiting"} == {
        "preview", "settle", "still", "short_work", "work",
    }  # fmt: skip
    for name in ("latentwalk_live_tabs", "latentwalk_pictures_waiting", "latentwalk_tasks", "latentwalk_ready"):
        assert (name, ()) in after


def test_two_applications_in_a_process_have_separate_metrics(home: Path, client: TestClient) -> None:
    with TestClient(create_app(Settings(home=home)), base_url="http://localhost") as other:
        other.get("/api/jobs")
        key = ("latentwalk_http_requests_total", (("method", "GET"), ("route", "/api/jobs"), ("status", "200")))
        assert seen(other)[key] == 1


def test_a_server_is_ready_from_the_load_of_its_first_generator_until_it_drains(home: Path) -> None:
    app = create_app(Settings(home=home))
    with TestClient(app, base_url="http://localhost") as client:
        states = []
        while states[-1:] != ["ready"]:
            answer = client.get("/readyz")
            states.append(answer.json()["status"])
            assert answer.status_code == (200 if states[-1] == "ready" else 503)
            time.sleep(0.02)
        app.state.services.lifecycle.drain()
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
        refused = client.post("/api/directions/discover", json={"generator": "eyes", "method": "pca"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "2"
        assert client.post("/api/render", json=EDIT).status_code == 200  # what is small is still answered


def test_a_server_without_workers_is_not_ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings(home=home))
    with TestClient(app, base_url="http://localhost") as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.02)
        monkeypatch.setattr(EmbeddedBackend, "workers", lambda self: 0)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "without workers"})


async def test_a_stopping_server_sends_the_last_frame_and_closes_the_socket(home: Path) -> None:
    with started(home) as (url, process, _):
        address = url.replace("http", "ws", 1) + "/ws/live"
        async with asyncio.timeout(60), connect(address) as busy, connect(address) as idle:
            for line in (busy, idle):
                await line.recv()
            await busy.send(json.dumps({"rev": 0, "edit": EDIT}))
            await busy.recv()  # its generator is loaded now, which on a busy machine takes longer than a drain
            for rev in range(1, 40):
                await busy.send(json.dumps({"rev": rev, "edit": {**EDIT, "truncation": rev / 40}, "ack": rev - 1}))
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            heard, goodbye = await until_closed(busy)
            assert heard[-1].rev == 39
            assert goodbye == 1012
            assert (await until_closed(idle))[1] == 1012
        assert await asyncio.to_thread(process.wait, 20) in (0, -signal.SIGTERM)
        assert time.monotonic() - begin < 15


async def until_closed(line: ClientConnection) -> tuple[list[frame_protocol.Header], int | None]:
    heard = []
    try:
        while True:
            message = await line.recv()
            if isinstance(message, bytes):
                heard.append(frame_protocol.unpack(message)[0])
                await line.send(json.dumps({"ack": heard[-1].rev}))
    except ConnectionClosed as closed:
        return heard, closed.rcvd.code if closed.rcvd else None


async def test_a_client_that_never_reads_does_not_delay_the_shutdown(home: Path) -> None:
    with started(home, LATENTWALK_DRAIN="1") as (url, process, _):
        async with connect(url.replace("http", "ws", 1) + "/ws/live", ping_interval=None, close_timeout=0.1) as line:
            for rev in range(1, 300):
                await line.send(json.dumps({"rev": rev, "edit": {**EDIT, "truncation": rev / 300}, "ack": rev}))
                await asyncio.sleep(0.005)
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, 20)
            assert time.monotonic() - begin < 8


def test_on_a_loopback_address_no_token_is_needed_or_printed(home: Path) -> None:
    with started(home) as (url, _, lines):
        assert "token=" not in "".join(lines)
        assert json.loads(lines[-1])["token"] is False
        with urllib.request.urlopen(f"{url}/api/me") as answer:
            assert json.load(answer)["role"] == "admin"


def test_on_any_other_address_a_working_sign_in_link_is_printed(home: Path) -> None:
    with started(home, "--host", "0.0.0.0") as (url, process, _):
        assert process.stderr is not None
        printed = process.stderr.readline()
        link = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+/\?token=[\w-]{32})\n", printed)
        assert link is not None, printed
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url)
        with urllib.request.urlopen(link[1]) as answer:
            cookie = answer.headers["set-cookie"].partition(";")[0]
        asked = urllib.request.Request(f"{url}/api/me", headers={"cookie": cookie})
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer)["role"] == "admin"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_empty_token_on_any_other_address_stops_the_start_with_a_reason(host: str, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server.cli.main", "serve", "--host", host, "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "LATENTWALK_HOME": str(home), "LATENTWALK_TOKEN": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "without a token would let everyone on the network in" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wildcard_address_is_printed_as_the_addresses_of_this_machine() -> None:
    assert addresses("10.1.2.3") == ["10.1.2.3"]
    assert addresses("fe80::1") == ["[fe80::1]"]
    assert addresses("0.0.0.0")[0] == "127.0.0.1"


def test_every_log_line_is_json_if_configured(home: Path) -> None:
    with started(home, LATENTWALK_LOG_JSON="1") as (_, _, lines):
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert len(found) > 2
    assert all({"time", "level", "logger"} <= set(line) for line in found)


async def test_text_that_is_not_utf_8_closes_the_socket_without_a_traceback(home: Path) -> None:
    with started(home) as (url, process, _):
        address = url.replace("http", "ws") + "/ws/live"
        async with connect(address, proxy=None) as socket:
            await socket.recv()
            socket.protocol.send_text(b"\xff\xfe")
            socket.transport.write(b"".join(socket.protocol.data_to_send()))
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007
        process.terminate()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(("trusted", "address"), [("", "127.0.0.1"), ("127.0.0.1", "203.0.113.9")])
def test_forwarded_addresses_count_only_from_proxies_that_the_operator_names(
    trusted: str, address: str, home: Path
) -> None:
    settings = {"LATENTWALK_TOKEN": "a-token-of-an-administrator", "LATENTWALK_TRUSTED_PROXIES": trusted}
    with started(home, **settings) as (url, process, _):
        request = urllib.request.Request(f"{url}/api/jobs", headers={"x-forwarded-for": "203.0.113.9"})
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request)
        assert process.stderr is not None
        line = next(line for line in process.stderr if '"refused"' in line)
        assert json.loads(line)["address"] == address
