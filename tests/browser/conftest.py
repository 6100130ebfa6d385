"""A real server with two small sliders, and a real Chromium that must stay free of console errors."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from latentwalk.directions.direction import Direction
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from models.catalogue import local
from models.specs import GeneratorSpec

ROOT = Path(__file__).parents[2]
PATIENCE = 30_000  # ms; CI machines are slow and loading a model takes seconds
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


class Server:
    """`latentwalk serve` as a process of its own, which can be stopped and started again on the same port."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.environment = home, environment
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **os.environ,
            "LATENTWALK_HOME": str(self.home),
            "LATENTWALK_DEVICE": "cpu",
            "LATENTWALK_FIRST": "eyes",
            **self.environment,
        }
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.cli.main", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"The server did not start:\n{(self.home / 'server.log').read_text()[-3000:]}")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@pytest.fixture(scope="package")
def furnished_home(
    tmp_path_factory: pytest.TempPathFactory,
    eyes_spec: GeneratorSpec,
    make_slider: Callable[..., Direction],
    put_direction: Callable[..., Path],
    described: tuple[GeneratorSpec, dict[str, torch.Tensor]],
) -> Path:
    """A home with two made-up sliders, one that works and one that hardly does, and a 16 px generator to learn on."""
    home = tmp_path_factory.mktemp("home")
    reached = [[amount, 0.8 * amount, 0.7 * amount - 1, 0.9 * amount + 1] for amount in range(-20, 21, 5)]
    card = {"n": 64, "slope": 0.8, "slope_ci": [0.75, 0.85], "reached": reached}
    works = {"unit": Unit("%", decimals=1), "curve": Curve.straight(0.5, 20.0), "verdict": "strong", "card": card}
    hardly = {"verdict": "weak", "note": "Reaches x1.25 of x2.00 asked.", "group": "geometry"}
    factor = {"unit": Unit("x", 1.0, "log", 2), "curve": Curve.straight(8.0, 1.0)}
    spans = {"range": (0.8, 1.25), "track": (0.7, 1.4), "requested_range": (0.5, 2.0)}
    put_direction(home, make_slider(eyes_spec, "sway", 1, **works))
    put_direction(home, make_slider(eyes_spec, "swell", 2, **hardly, **factor, **spans))
    local.save(home / "generators", *described)
    put_direction(home, make_slider(described[0], "sway", 1))
    return home


@pytest.fixture(scope="module")
def own_home(
    tmp_path_factory: pytest.TempPathFactory,
    eyes_spec: GeneratorSpec,
    make_slider: Callable[..., Direction],
    put_direction: Callable[..., Path],
) -> Path:
    """A home of a module's own, with one made-up slider."""
    home = tmp_path_factory.mktemp("own")
    put_direction(home, make_slider(eyes_spec, "sway"))
    return home


@pytest.fixture(scope="module")
def own_server(own_home: Path) -> Iterator[Server]:
    """A server with that home, which its tests may stop and start again."""
    server = Server(own_home)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def server(furnished_home: Path) -> Iterator[Server]:
    """A server with that home."""
    server = Server(furnished_home)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """For this folder alone: the package scope closes Playwright's loop before other tests need their own."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for this folder."""
    if CHROMIUM is None:
        pytest.fail("These tests need Chromium: install the system's package, for example apt-get install chromium.")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


class Explorer:
    """One tab on the page, spoken to in the words of the page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, fragment: str = "") -> Explorer:
        self.page.goto(f"{self.url}/{fragment}")
        self.settle(0)
        return self

    def open_small(self) -> Explorer:
        """Open the page on the generator of 16 px, with which learning and measuring take seconds."""
        self.open()
        self.act(self.page.get_by_role("radio", name="Styled").check)
        return self

    def written(self) -> None:
        """Wait until the step is in the history and the address names it, which it does once things are quiet."""
        expect(self.page.locator("history-tree button[data-id]").nth(1)).to_be_attached()
        script = """async () => {
            const module = new URL('static/js/picture/canonical.js', document.baseURI);
            const { canonical, fromCode } = await import(module.href);
            const stored = JSON.parse(sessionStorage.getItem('latentwalk.history'));
            if (stored.nodes.length < 2) return false;
            const { edit } = stored.nodes.find(({ id }) => id === stored.current);
            return location.hash !== '' && canonical(fromCode(location.hash.slice(3))) === canonical(edit);
        }"""
        # Not `wait_for_function`, for which the promise of an asynchronous function is an answer, and a true one.
        deadline = time.monotonic() + PATIENCE / 1000
        while not self.page.evaluate(script):
            assert time.monotonic() < deadline, "the address does not name the step"
            self.page.wait_for_timeout(20)

    def settle(self, after: int) -> None:
        """Wait for the exact picture of a later edit than number `after`."""
        script = "({ dataset: { rev, settled } }, after) => rev > after && settled === 'true'"
        self.page.wait_for_function(f"after => ({script})(document.querySelector('picture-stage'), after)", arg=after)

    def act(self, action: Callable[[], Any]) -> str:
        """Do something that changes the picture, wait for it to settle, and return the picture."""
        before = self.rev
        action()
        self.settle(before)
        return self.picture

    @property
    def rev(self) -> int:
        return int(self.page.locator("picture-stage").get_attribute("data-rev") or 0)

    @property
    def picture(self) -> str:
        """A digest of the pixels on show."""
        drawn = self.page.evaluate("document.querySelector('picture-stage canvas').toDataURL()")
        return hashlib.sha256(drawn.encode()).hexdigest()

    def slider(self, id: str) -> Locator:
        return self.page.locator(f"direction-slider[data-id={id}]")

    def box(self, id: str) -> dict[str, float]:
        """Where a slider's range is, once it is in sight."""
        self.thumb(id).evaluate("thumb => thumb.scrollIntoView({ block: 'center' })")
        return self.thumb(id).bounding_box()

    def thumb(self, id: str) -> Locator:
        return self.slider(id).locator("input[type=range]")

    def amount(self, id: str) -> str:
        return self.slider(id).locator("input.amount").input_value()

    def step(self, id: str, *keys: str) -> str:
        self.thumb(id).focus()
        return self.act(lambda: [self.page.keyboard.press(key) for key in keys])

    def type_amount(self, id: str, text: str) -> None:
        field = self.slider(id).locator("input.amount")
        field.fill(text)
        field.press("Enter")

    def drop(self, name: str, content: bytes) -> None:
        self.page.evaluate(
            """([name, bytes]) => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(bytes)], name));
                const event = (type) => new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
                document.dispatchEvent(event("dragenter"));
                document.dispatchEvent(event("drop"));
            }""",
            [name, list(content)],
        )

    def told(self, sentence: str) -> None:
        expect(self.page.locator("toast-stack").get_by_text(sentence)).to_be_visible()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"], accept_downloads=True,
    )  # fmt: skip
    # These tests are no first visit. A blank page, where the script runs too, has no storage.
    context.add_init_script("if (location.host) localStorage.setItem('latentwalk.visited', '1')")
    yield context
    context.close()


@pytest.fixture
def explorer(context: BrowserContext, server: Server) -> Iterator[Explorer]:
    """A tab not yet opened; at the end nothing may have been complained about in its console (CSP included)."""
    explorer = Explorer(context.new_page(), server.url)
    yield explorer
    assert explorer.complaints == []
