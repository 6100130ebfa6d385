"""The page beside a notebook: starts a server in a process of its own, and shows its page in a frame or as a link."""

from __future__ import annotations

import atexit
import html
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from latentwalk.edit import Base, Edit, share_code
from latentwalk.errors import ModelFailed
from latentwalk.notebook.generator_handle import GeneratorHandle

HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.1
# Pages of this machine, among them Jupyter's and marimo's, and VS Code's notebooks.
EMBEDDERS = ("http://localhost:*", "http://127.0.0.1:*", "vscode-webview:")
COLAB = ("https://colab.research.google.com", "https://*.googleusercontent.com")


class Explorer:
    """A running page. Notebooks show it in a frame; `url` opens it in a browser. It stops with the Python process.

    `height` is that of the frame in px.
    """

    def __init__(self, process: subprocess.Popen[bytes], url: str, height: int) -> None:
        self._process, self.url, self.height = process, url, height
        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        """Whether the server is still there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop the server. It has a few seconds to finish the edits in hand. Stopping twice does nothing."""
        atexit.unregister(self.stop)
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _repr_html_(self) -> str:
        # Jupyter, marimo, Colab and VS Code show this as the cell's output.
        url = html.escape(self.url, quote=True)
        style = f"width: 100%; height: {self.height}px; border: 0"
        frame = f'<iframe src="{url}" style="{style}" title="Latentwalk" allow="fullscreen; clipboard-write"></iframe>'
        return f'{frame}<p><a href="{url}" target="_blank" rel="noopener">Open in a new tab</a></p>'

    def __repr__(self) -> str:
        return f"Latentwalk is {'running' if self.is_running else 'stopped'} at {self.url}"


def explore(
    generator: str | GeneratorHandle | None = None,
    *,
    edit: Edit | None = None,
    height: int = 720,
    home: str | Path | None = None,
    device: str = "auto",
    embedders: Sequence[str] = EMBEDDERS,
) -> Explorer:
    """Start the page on a free port of this machine and return it; as the last line of a cell, it shows the page.

    generator  the generator that the page opens with: a name, or a handle of one that the server can open by name
    edit       the edit that the page opens with, instead of `generator`
    height     of the frame in px
    home       the LATENTWALK_HOME to use; None is the usual one
    device     "auto", "cpu", "mps", "cuda" or "cuda:N"
    embedders  origins whose pages may show the page in a frame. The default covers notebooks on this machine; a
               notebook on another machine needs its origin here, and a proxy that forwards the port

    Where no frame can be shown, use the returned object's `url`. The server answers to this machine only and ends
    with the Python process, or at `.stop()`. Raises ModelFailed where the server does not start.
    """
    port = _free_port()
    proxy = _colab_address(port)
    environment = {**os.environ, "LATENTWALK_FRAME_ANCESTORS": ",".join((*embedders, *(COLAB if proxy else ())))}
    if proxy:
        environment["LATENTWALK_ALLOWED_HOSTS"] = proxy.split("://", 1)[1].strip("/")
    if home is not None:
        environment["LATENTWALK_HOME"] = str(Path(home).expanduser().absolute())
    command = [sys.executable, "-m", "server.cli.main", "serve", "--host", HOST, "--port", str(port)]
    address = f"{proxy.rstrip('/')}/" if proxy else f"http://{HOST}:{port}/"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--device", device], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        explorer = Explorer(process, address + _fragment(generator, edit), height)
        try:
            _wait_until_ready(process, f"http://{HOST}:{port}/readyz", log)
        except BaseException:
            explorer.stop()
            raise
    return explorer


def _fragment(generator: str | GeneratorHandle | None, edit: Edit | None) -> str:
    # The page opens the edit in the fragment, as it does for a share link.
    if edit is None and generator is None:
        return ""
    name = generator.spec.name if isinstance(generator, GeneratorHandle) else str(generator)
    return "#e=" + share_code(edit or Edit(generator=name, base=Base(seed=0)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _colab_address(port: int) -> str:
    # Colab's browser cannot reach the kernel's machine; Colab forwards a port under an address of its own.
    if "google.colab" not in sys.modules:
        return ""
    output: Any = sys.modules["google.colab"].output
    return str(output.eval_js(f"google.colab.kernel.proxyPort({port})"))


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            reason = (log.read().decode(errors="replace").strip().splitlines() or ["it gave no reason"])[0]
            raise ModelFailed(f"The page did not start: {reason.rstrip('.')}.", "Try: latentwalk serve")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(POLL_SECONDS)
    raise ModelFailed(f"The page did not start within {START_SECONDS:.0f} seconds.", "Try: latentwalk serve")
