"""A server to be measured: started as a process of its own on this machine, or one that runs already."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentwalk.errors import Invalid, ModelFailed, NotFound
from models.base import Precision
from server.auth.tokens import new_secret
from server.engine import openmp
from server.settings import Settings

START_PATIENCE = 60.0
CODE = (
    "import json, sys; from server.app import serve; from server.settings import Settings; "
    "serve(Settings.read(**json.loads(sys.argv[1])), log_level='WARNING')"
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, what lets us in, and its process where it is ours."""

    address: str
    token: str
    pid: int | None = None

    @property
    def socket(self) -> str:
        return self.address.replace("http", "ws", 1) + "/ws/live"

    def sign_in(self) -> str:
        """The Cookie header of a new person; empty where the server asks for no token."""
        if not self.token:
            return ""
        with self._open(f"/?token={urllib.parse.quote(self.token)}", bare=True) as answer:
            cookie: str = answer.headers.get("set-cookie", "").partition(";")[0]
            return cookie

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a route answers in JSON; NotFound or Invalid where it refuses."""
        with self._open(path, body) as answer:
            return json.load(answer)

    def draw(self, generator: str) -> None:
        """Have one picture made, so that the generator is loaded."""
        self._open("/api/render", {"generator": generator, "base": {"seed": 0}}).close()

    def generator(self, name: str) -> Mapping[str, Any]:
        """What it says of a generator, once that is loaded."""
        self.draw(name)
        found: list[Mapping[str, Any]] = self.ask("/api/generators")["generators"]
        return next(one for one in found if one["name"] == name)

    def precision(self, generator: str) -> Precision:
        """What it computes previews in; it loads the generator for that."""
        precision: Precision = self.generator(generator)["precision"]
        return precision

    def metrics(self) -> dict[str, float]:
        """The figures at /metrics that have no label, by their names."""
        with self._open("/metrics") as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.split() for line in lines if not line.startswith("#") and "{" not in line)
        return {name: float(value) for name, value in pairs}

    def rss_mb(self) -> float | None:
        """Its resident memory in megabytes (10^6 bytes), where the system tells."""
        bytes = self.metrics().get("process_resident_memory_bytes")
        if bytes is not None:
            return round(bytes / 1e6, 1)
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            told = subprocess.check_output(["ps", "-o", "rss=", "-p", str(self.pid)], timeout=5)
            return round(int(told) * 1024 / 1e6, 1)
        return None

    def _open(self, path: str, body: Mapping[str, Any] | None = None, *, bare: bool = False) -> Any:
        headers = {} if body is None else {"content-type": "application/json"}
        if self.token and not bare:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.address}{path}", data, headers)
        try:
            return urllib.request.urlopen(asked, timeout=START_PATIENCE)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except OSError as error:
            raise ModelFailed(f"{self.address} does not answer.", "Is it running?") from error


def _refusal(error: urllib.error.HTTPError) -> NotFound | Invalid:
    kind = NotFound if error.code == 404 else Invalid
    try:
        said = json.loads(error.read())["error"]
        return kind(said["message"], said["hint"])
    except (ValueError, KeyError):
        return kind(f"The server answered with error {error.code}.", "Set LATENTWALK_TOKEN where it asks for a token.")


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """The application in a process of its own, on a free port of this machine, for as long as the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = settings.model_copy(update={"host": "127.0.0.1", "port": port, "drain": 0.0})
    server = Server(f"http://127.0.0.1:{port}", new_secret())
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "LATENTWALK_TOKEN": server.token,  # not among the arguments, which everybody on this machine can read
    }
    openmp.set_spin_count(environment)
    given = chosen.model_dump_json(exclude={"token"}, exclude_none=True)
    process = subprocess.Popen([sys.executable, "-c", CODE, given], env=environment)
    try:
        _await(process, server.address)
        yield Server(server.address, server.token, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise ModelFailed("The server did not start.", "Run latentwalk serve to see why.")
