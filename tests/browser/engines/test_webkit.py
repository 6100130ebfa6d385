"""The main journey in WebKitGTK: opening, dragging, learning, uploading a model, walking, exporting, dropping."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Server
from tests.browser.engines.webdriver import WebDriver
from tests.onnx_files import brightness

pytestmark = pytest.mark.soak
DRIVER, XVFB = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
MINIBROWSER = next(Path("/usr").glob("lib*/**/webkit2gtk-4.1/MiniBrowser"), None)
MAKES_ROOM = "return innerHeight < 800"  # MiniBrowser's list of downloads takes room from a page of 862 px
FINDERS = """
const seen = (element) => element.checkVisibility() && !element.closest('[inert]');
const named = (selector, name) => [...document.querySelectorAll(selector)].find((element) =>
    seen(element) && (element.getAttribute('aria-label') ?? element.textContent).trim() === name);
const field = (name) => [...document.querySelectorAll('input, select, textarea')].find((element) =>
    seen(element) && [element.ariaLabel, ...[...element.labels ?? []].map((label) => label.textContent)]
        .some((text) => text?.trim().startsWith(name)));
"""


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail("WebKitWebDriver does not listen.")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("webkit-home")


@pytest.fixture(scope="module")
def webkit(downloads: Path) -> Iterator[WebDriver]:
    if DRIVER is None or XVFB is None or MINIBROWSER is None:
        pytest.fail("These tests need WebKitGTK: apt-get install webkit2gtk-driver xvfb gstreamer1.0-libav.")
    (downloads / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{downloads}"\n')
    read, write = os.pipe()
    screen = subprocess.Popen([XVFB, "-displayfd", str(write), "-screen", "0", "1400x1000x24"], pass_fds=[write])
    display = f":{os.read(read, 16).decode().strip()}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DISPLAY": display, "HOME": str(downloads), "XDG_CONFIG_HOME": str(downloads)}
    driver = subprocess.Popen([DRIVER, f"--port={port}"], env=environment)
    wait_for(port)
    options = {"binary": str(MINIBROWSER), "args": ["--automation"]}
    session = WebDriver(f"http://127.0.0.1:{port}", {"webkitgtk:browserOptions": options})
    session.resize(1280, 900)
    yield session
    session.close()
    for process in (driver, screen):
        process.terminate()
        process.wait(10)


class Visitor:
    """One tab of WebKit on the page."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        driver.open(url)
        self.settle(0)
        driver.run("window.complaints = []; window.onerror = (told) => window.complaints.push(String(told));")

    def settle(self, after: int) -> None:
        script = "const { rev, settled } = document.querySelector('picture-stage')?.dataset ?? {};"
        self.driver.wait(f"{script} return rev > arguments[0] && settled === 'true'", after)

    def act(self, action: Callable[[], Any]) -> str:
        before = int(self.driver.run("return document.querySelector('picture-stage').dataset.rev"))
        action()
        self.settle(before)
        return self.picture

    @property
    def picture(self) -> str:
        return self.driver.run("return document.querySelector('picture-stage canvas').toDataURL()")

    def _box(self, found: str, *values: Any) -> dict[str, float]:
        script = f"{FINDERS} const element = {found}; if (!element || element.disabled) return null;"
        script += "element.scrollIntoView({ block: 'center' }); return element.getBoundingClientRect().toJSON()"
        return self.driver.wait(script, *values)

    def click(self, name: str, selector: str = "button, a, summary") -> None:
        box = self._box("named(arguments[0], arguments[1])", selector, name)
        self.driver.drag((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))

    def click_on(self, selector: str) -> None:
        box = self._box("document.querySelector(arguments[0])", selector)
        self.driver.drag((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))

    def fill(self, name: str, value: str) -> None:
        self.driver.wait(f"{FINDERS} return Boolean(field(arguments[0]))", name)
        told = "for (const type of ['input', 'change']) element.dispatchEvent(new Event(type, { bubbles: true }))"
        self.driver.run(
            f"{FINDERS} const element = field(arguments[0]); element.value = arguments[1]; {told}", name, value
        )

    def drag_slider(self, id: str, start: float, *stops: float) -> None:
        box = self._box("document.querySelector(`direction-slider[data-id=${arguments[0]}] input[type=range]`)", id)
        y = box["y"] + box["height"] / 2
        self.driver.drag(*[(box["x"] + box["width"] * place, y) for place in (start, *stops)])

    def step(self, id: str, *keys: str) -> str:
        self.driver.run(
            "document.querySelector(`direction-slider[data-id=${arguments[0]}] input[type=range]`).focus()", id
        )
        return self.act(lambda: self.driver.press(*keys))

    def drop(self, name: str, content: bytes) -> None:
        self.driver.run(
            """const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(arguments[1])], arguments[0]));
            for (const type of ['dragenter', 'drop']) document.dispatchEvent(
                new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));""",
            name,
            list(content),
        )


@pytest.fixture
def visitor(webkit: WebDriver, server: Server) -> Iterator[Visitor]:
    visitor = Visitor(webkit, f"{server.url}/")
    yield visitor
    assert webkit.run("return window.complaints") == []
    webkit.open("about:blank")


def saved(folder: Path, pattern: str) -> bytes:
    """The newest file of a kind, once it is whole."""
    deadline, size = time.monotonic() + 30, -1
    while time.monotonic() < deadline:
        files = sorted(folder.glob(pattern), key=lambda file: file.stat().st_mtime)
        if files and files[-1].stat().st_size == size > 0:
            return files[-1].read_bytes()
        size = files[-1].stat().st_size if files else -1
        time.sleep(0.3)
    pytest.fail(f"No {pattern} in {[file.name for file in folder.iterdir()]}")


def test_a_slider_follows_the_pointer_and_the_keyboard(visitor: Visitor) -> None:
    before = visitor.picture
    assert visitor.act(lambda: visitor.drag_slider("sway", 0.54, 0.6, 0.7, 0.8)) != before
    visitor.step("sway", "Delete")
    assert visitor.picture == before
    assert visitor.step("sway", "PageUp") != before
    assert visitor.step("sway", "Delete") == before  # the tab keeps its state, so the next test begins here


def test_a_downloaded_picture_dropped_back_restores_its_edit(visitor: Visitor, downloads: Path) -> None:
    visitor.step("sway", "PageUp")
    visitor.driver.press("p")
    picture = saved(downloads, "*.png")
    assert picture.startswith(b"\x89PNG")
    visitor.driver.wait(MAKES_ROOM)
    visitor.step("sway", "Delete")  # drawn anew at the size that is left
    shown = visitor.step("sway", "PageUp")
    visitor.step("sway", "Delete")
    assert visitor.act(lambda: visitor.drop("saved.png", picture)) == shown


def test_a_walk_is_exported_played_downloaded_and_dropped_back(visitor: Visitor, downloads: Path) -> None:
    driver, stops = visitor.driver, "return document.querySelectorAll('keyframe-row .stop').length"
    driver.press("w")
    visitor.step("sway", "PageUp")
    driver.press("k")
    driver.wait(f"{stops} === 1")
    visitor.step("sway", "PageUp", "PageUp")
    driver.press("k")
    driver.wait(f"{stops} === 2")
    driver.wait("return document.querySelector('walk-rows:not([aria-busy])')", seconds=240)
    visitor.click("Export")
    visitor.fill("Size", "256")
    visitor.fill("Frames per second", "10")
    visitor.click("Export the film")
    driver.wait("return document.querySelector('.exports li[data-id]')", seconds=120)
    visitor.click_on(".exports li[data-id] button[aria-label^=Play], .exports li[data-id] .play")
    driver.wait("return document.querySelector('.exports video')?.currentTime > 0")
    visitor.click_on(".exports li[data-id] a[download]")
    film = saved(downloads, "*.mp4")
    assert b"ftyp" in film[:16]
    driver.wait(MAKES_ROOM)
    visitor.step("sway", "Delete")  # drawn anew at the size that is left
    last = visitor.act(lambda: visitor.click_on("keyframe-row .stop"))
    for _ in range(2):
        visitor.click_on("keyframe-row .stop")
        driver.press("Delete")
    driver.wait(f"{stops} === 0")
    visitor.drop("film.mp4", film)
    driver.wait(f"{stops} === 2")
    visitor.click_on("keyframe-row .stop")
    driver.wait("return document.querySelector('picture-stage canvas').toDataURL() === arguments[0]", last)


def test_a_slider_is_learned(visitor: Visitor) -> None:
    visitor.act(lambda: visitor.click("Styled", ".generator .title"))
    visitor.driver.press("l")
    visitor.fill("Effect of the slider", "brightness")
    visitor.fill("Steps", "20")
    visitor.fill("Name", "glint")
    visitor.click("Start learning")
    visitor.driver.wait("return document.querySelector('direction-slider[data-id=glint]')", seconds=400)
    before = visitor.picture
    assert visitor.step("glint", "PageUp") != before


def test_a_dropped_model_is_tested_and_saved(visitor: Visitor) -> None:
    visitor.drop("glare.onnx", brightness(shape=("n", 3, 64, 64)))
    visitor.fill("Value range", "0..1")
    visitor.click("Test and save")
    visitor.driver.wait("return document.body.textContent.includes('Scores of 16 test pictures')")
    for part in ("What the number means", "Training data", "Source", "Licence", "Limitations"):
        visitor.fill(part, "Said.")
    visitor.click("Save the card")
    visitor.driver.wait(f"{FINDERS} return named('button', 'Learn a slider')?.disabled === false")
