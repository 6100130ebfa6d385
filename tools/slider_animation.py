"""Record `docs/images/slider.webp`, a slider dragged there and back on the real page, and `page.png`, a still of it.

The script starts a server with an empty temporary home, opens the page in Chromium, drags one slider of `eyes` and
takes a screenshot after every preview that arrives. Headless screenshots contain no mouse pointer, so one is drawn
into each frame. Run it with `make pictures`; it needs the `dev` extra and a Chromium installed on the system.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images" / "slider.webp"
STILL = ROOT / "docs" / "images" / "page.png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VIEWPORT = {"width": 1240, "height": 780}
STILL_VIEWPORT = {"width": 1440, "height": 900}
STILL_AMOUNT = "20"
WIDTH = 880  # pixels of the animation
LARGEST = 1_200_000  # bytes
QUALITIES = (82, 74, 66, 58, 50)  # WebP qualities, tried until the file is small enough
FRAME, REST = 70, 700  # milliseconds that a moving frame and the first and last frame are shown
INSIDE = 0.98  # share of the measured range that is used
THUMB = 16  # width of the slider's thumb, in pixels
STEPS = 14  # frames from one turning point of the drag to the next
TIMEOUT = 60_000  # milliseconds
POINTER = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))  # outline, in pixels


@contextmanager
def serving(generator: str) -> Iterator[str]:
    """The address of a server for this checkout on a free port, with a home that is removed afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("latentwalk")), "serve", "--port", str(port), "--device", "cpu"]
    with tempfile.TemporaryDirectory() as home:
        settings = {"LATENTWALK_HOME": home, "LATENTWALK_FIRST": generator, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings})
        try:
            wait_until_ready(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers; raise SystemExit if it ends or does not answer within a minute."""
    deadline = time.monotonic() + TIMEOUT / 1000
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=2):
            return
        time.sleep(0.2)
    raise SystemExit("The server did not start; see its output above.")


def positions() -> Iterator[float]:
    """Positions of the drag, as shares of the way from the middle (0) to either end (-1, 1): up, down and back."""
    for start, end in ((0.0, 1.0), (1.0, -1.0), (-1.0, 0.0)):
        steps = round(STEPS * abs(end - start))
        for step in range(1, steps + 1):
            yield start + (end - start) * (1 - math.cos(math.pi * step / steps)) / 2


def record(page: Page, url: str, generator: str, slider: str) -> list[Image.Image]:
    """Frames of a drag of `slider` over its measured range, as the page shows them."""
    page.goto(url)
    revision = settled(page, 0)
    thumb = page.locator(f"direction-slider[data-id={slider}] input[type=range]")
    thumb.evaluate("thumb => thumb.scrollIntoView({ block: 'center' })")
    thumb.focus()
    page.wait_for_timeout(1500)  # thumbnails of the filmstrip
    low, high = measured_range(page, url, generator, slider)
    x, y = thumb_at(page, thumb)
    frames = [frame(page, x, y)]
    page.mouse.move(x, y)
    page.mouse.down()
    for share in positions():
        at = x + share * (high if share > 0 else -low)
        page.mouse.move(at, y)
        revision = drawn(page, revision)
        frames.append(frame(page, at, y))
    page.mouse.up()
    page.wait_for_timeout(600)  # the exact image replaces the last preview
    frames.append(frame(page, x, y))
    return frames


def record_still(page: Page, slider: str, out: Path) -> None:
    """Write a screenshot of the whole page with the slider moved, in 256 colours."""
    page.set_viewport_size(STILL_VIEWPORT)
    amount = page.locator(f"direction-slider[data-id={slider}] input.amount")
    before = int(page.locator("picture-stage").get_attribute("data-rev") or 0)
    amount.fill(STILL_AMOUNT)
    amount.press("Enter")
    settled(page, before)
    page.wait_for_timeout(1500)  # thumbnails of the filmstrip
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(out, optimize=True)


def thumb_at(page: Page, thumb: Any) -> tuple[float, float]:
    """The centre of the slider's thumb, in pixels of the page."""
    box = thumb.bounding_box()
    low, high, value = (float(thumb.evaluate(f"thumb => thumb.{name}")) for name in ("min", "max", "value"))
    return box["x"] + THUMB / 2 + (box["width"] - THUMB) * (value - low) / (high - low), box["y"] + box["height"] / 2


def measured_range(page: Page, url: str, generator: str, slider: str) -> tuple[float, float]:
    """The ends of the measured range of a slider with a linear unit, in pixels from its neutral position."""
    listed = page.request.get(f"{url}/api/directions?generator={generator}").json()["directions"]
    direction = next(one for one in listed if one["id"] == slider)
    box = page.locator(f"direction-slider[data-id={slider}] input[type=range]").bounding_box()
    assert box is not None
    (low, high), (left, right) = direction["range"], direction["track"]
    unit = (box["width"] - THUMB) / (right - left)
    return INSIDE * low * unit, INSIDE * high * unit


def drawn(page: Page, revision: int) -> int:
    """Wait until the page shows a later picture than `revision`, for at most two seconds; the one that it shows."""
    script = "after => Number(document.querySelector('picture-stage').dataset.rev) > after"
    with suppress(Exception):  # two positions may round to the same amount, which draws nothing
        page.wait_for_function(script, arg=revision, timeout=2000)
    return int(page.locator("picture-stage").get_attribute("data-rev") or 0)


def settled(page: Page, after: int) -> int:
    """Wait for the exact picture of a later edit than number `after`."""
    script = "({ dataset: { rev, settled } }, after) => rev > after && settled === 'true'"
    page.wait_for_function(f"after => ({script})(document.querySelector('picture-stage'), after)", arg=after)
    return int(page.locator("picture-stage").get_attribute("data-rev") or 0)


def frame(page: Page, x: float, y: float) -> Image.Image:
    """A screenshot with a mouse pointer at (x, y), scaled to the animation's width."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    outline = [(x + right, y + down) for right, down in POINTER]
    ImageDraw.Draw(picture).polygon(outline, fill="black", outline="white")
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)


def write(frames: list[Image.Image], out: Path) -> int:
    """Write the frames as an animated WebP of at most LARGEST bytes; its size."""
    durations = [REST, *[FRAME] * (len(frames) - 2), REST]
    for quality in QUALITIES:
        data = io.BytesIO()
        frames[0].save(
            data, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=quality, method=4
        )
        if data.tell() <= LARGEST:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(data.getvalue())
            return data.tell()
    raise SystemExit(f"The animation is larger than {LARGEST:,} bytes even at quality {QUALITIES[-1]}.")


def main() -> None:
    """Record one slider and write the animation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--generator", default="eyes")
    parser.add_argument("--slider", default="brightness")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--still", type=Path, default=STILL)
    chosen = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("Chromium was not found. Install it, for example with apt-get install chromium.")
    with serving(chosen.generator) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=VIEWPORT, color_scheme="light", reduced_motion="reduce")
        page.set_default_timeout(TIMEOUT)
        frames = record(page, url, chosen.generator, chosen.slider)
        record_still(page, chosen.slider, chosen.still)
        browser.close()
    size = write(frames, chosen.out)
    print(f"{chosen.out}: {len(frames)} frames, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
