"""The server that is measured: started as a separate process on this machine, or already running."""

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

START_TIMEOUT = 60.0
SERVE_CODE = (
    "import json, sys; from server.app import serve; from server.settings import Settings; "
    "serve(Settings.read(**json.loads(sys.argv[1])), log_level='WARNING')"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address, a token for it, and its process id where it was started here."""

    address: str
    token: str
    pid: int | None = None

    @property
    def socket(self) -> str:
        """The address of the live socket."""
        return self.address.replace("http", "ws", 1) + "/ws/live"

    def sign_in(self) -> str:
        """Sign in as a new user; the Cookie header, empty where the server asks for no token."""
        if not self.token:
            return ""
        with self._open(f"/?token={urllib.parse.quote(self.token)}", anonymous=True) as answer:
            cookie: str = answer.headers.get("set-cookie", "").partition(";")[0]
            return cookie

    def get_json(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON response of a route; raises NotFound or Invalid where it is refused."""
        with self._open(path, body) as answer:
            return json.load(answer)

    def render_once(self, generator: str) -> None:
        """Render one image, so that the generator is loaded."""
        self._open("/api/render", {"generator": generator, "base": {"seed": 0}}).close()

    def generator(self, name: str) -> Mapping[str, Any]:
        """The view of a generator after it was loaded."""
        self.render_once(name)
        found: list[Mapping[str, Any]] = self.get_json("/api/generators")["generators"]
        return next(one for one in found if one["name"] == name)

    def precision(self, generator: str) -> Precision:
        """The precision of previews. Loads the generator."""
        precision: Precision = self.generator(generator)["precision"]
        return precision

    def metrics(self) -> dict[str, float]:
        """The metrics at /metrics that have no labels, by name."""
        with self._open("/metrics") as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.split() for line in lines if not line.startswith("#") and "{" not in line)
        return {name: float(value) for name, value in pairs}

    def rss_mb(self) -> float | None:
        """The resident memory in megabytes (10^6 bytes); None where the system does not report it."""
        bytes = self.metrics().get("process_resident_memory_bytes")
        if bytes is not None:
            return round(bytes / 1e6, 1)
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            output = subprocess.check_output(["ps", "-o", "rss=", "-p", str(self.pid)], timeout=5)
            return round(int(output) * 1024 / 1e6, 1)
        return None

    def _open(self, path: str, body: Mapping[str, Any] | None = None, *, anonymous: bool = False) -> Any:
        headers = {} if body is None else {"content-type": "application/json"}
        if self.token and not anonymous:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, headers)
        try:
            return urllib.request.urlopen(request, timeout=START_TIMEOUT)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except OSError as error:
            raise ModelFailed(f"{self.address} does not answer.", "Is it running?") from error


def _refusal(error: urllib.error.HTTPError) -> NotFound | Invalid:
    kind = NotFound if error.code == 404 else Invalid
    try:
        error_view = json.loads(error.read())["error"]
        return kind(error_view["message"], error_view["hint"])
    except (ValueError, KeyError):
        return kind(f"The server answered with error {error.code}.", "Set LATENTWALK_TOKEN if it requires a token.")


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """Run the application in a separate process on a free local port while the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = settings.model_copy(update={"host": "127.0.0.1", "port": port, "drain": 0.0})
    server = Server(f"http://127.0.0.1:{port}", new_secret())
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "LATENTWALK_TOKEN": server.token,  # not an argument: those are visible to every user of the machine
    }
    openmp.set_spin_count(environment)
    options = chosen.model_dump_json(exclude={"token"}, exclude_none=True)
    process = subprocess.Popen([sys.executable, "-c", SERVE_CODE, options], env=environment)
    try:
        _wait_until_ready(process, server.address)
        yield Server(server.address, server.token, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise ModelFailed("The server did not start.", "Run latentwalk serve to see why.")
