"""How fast it is: one forward pass, one encoding, the way there and back, and what many people at once get."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.base import Generator, Precision
from server import codecs, waiting
from server.edits import class_tensor
from server.errors import ModelFailed
from server.hands import Drag, Hand
from server.inference import pick_device, tune
from server.library import Library
from server.settings import Settings
from server.shelf import Ready

ROUNDS, PER_ROUND, WARM_UP = 5, 40, 20
START_PATIENCE = 60.0


def bench(settings: Settings, generator: str) -> dict[str, Any]:
    """Milliseconds of a forward pass, of encoding its picture, and from an edit sent to its frame received.

    All three are taken in turn in one run, so that whatever else the machine does falls on each of them alike.
    `ratio` is live p50 over the sum of the other two's.
    """
    tune()
    library = Library(settings.home)
    exact = library.load(generator, pick_device(settings.device))
    with serving(settings) as server:
        ready = _ready(library, exact, server)
        live, forward, encode = asyncio.run(_in_turn(server, ready))
        rss = server.rss_mb()
    figures = {"forward_ms": quantiles(forward), "encode_ms": quantiles(encode), "live_ms": quantiles(live)}
    alone = figures["forward_ms"]["p50"] + figures["encode_ms"]["p50"]
    return {
        "generator": generator,
        "device": str(ready.exact.device),
        "precision": ready.quick.precision,
        **figures,
        "ratio": round(figures["live_ms"]["p50"] / alone, 3),
        "rss_mb": rss,
    }


def load(settings: Settings, generator: str, people: int, seconds: float) -> dict[str, Any]:
    """`people` drag sliders at 60 edits a second for `seconds`; what they got, and whether it was fair.

    `errors` counts errors told and connections lost, `lost_last_edits` people whose last frame was not their last edit,
    `jain` is Jain's fairness index of the frames each received: 1 where all got the same.
    """
    tune()
    library = Library(settings.home)
    exact = library.load(generator, pick_device(settings.device))
    with serving(settings.model_copy(update={"people": max(people, settings.people)})) as server:
        ready = _ready(library, exact, server)
        hands = asyncio.run(_crowd(server, [Drag(generator, ready, seed) for seed in range(people)], seconds))
        rss = server.rss_mb()
    counts = [hand.frames for hand in hands]
    return {
        "generator": generator,
        "device": str(ready.exact.device),
        "precision": ready.quick.precision,
        "people": people,
        "seconds": seconds,
        "frames": sum(counts),
        "errors": sum(hand.errors for hand in hands),
        "lost_last_edits": sum(not hand.saw_the_last for hand in hands),
        "jain": round(jain(counts), 4),
        "roundtrip_ms": quantiles([trip for hand in hands for trip in hand.trips]),
        "rss_mb": rss,
    }


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    if not seconds:
        return {"p50": math.nan, "p95": math.nan}
    ordered = sorted(seconds)
    shares = {"p50": 0.5, "p95": 0.95}
    return {name: round(1000 * ordered[int(share * (len(ordered) - 1))], 3) for name, share in shares.items()}


def jain(shares: Sequence[float]) -> float:
    """Jain's index: (sum x)^2 / (n sum x^2), from 1/n (one has all) to 1 (all have the same)."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server in a process of its own."""

    port: int
    pid: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/live"

    def precision(self, generator: str) -> Precision:
        """What it computes previews in; it loads the generator for that."""
        edit = json.dumps({"generator": generator, "base": {"seed": 0}}).encode()
        asked = urllib.request.Request(f"{self.address}/api/render", edit, {"content-type": "application/json"})
        urllib.request.urlopen(asked, timeout=START_PATIENCE).close()
        with urllib.request.urlopen(f"{self.address}/api/generators", timeout=START_PATIENCE) as answer:
            views = json.load(answer)["generators"]
        return next(view["precision"] for view in views if view["name"] == generator)

    def rss_mb(self) -> float | None:
        """Its resident memory in megabytes (10^6 bytes), where the system tells."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    return round(int(line.split()[1]) * 1024 / 1e6, 1)
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            told = subprocess.check_output(["ps", "-o", "rss=", "-p", str(self.pid)], timeout=5)
            return round(int(told) * 1024 / 1e6, 1)
        return None


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """The application in a process of its own, on a free port of this machine, for as long as the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = settings.model_copy(update={"host": "127.0.0.1", "port": port})
    code = (
        "import sys; from server.app import serve; from server.settings import Settings; "
        "serve(Settings.model_validate_json(sys.argv[1]), log_level='warning')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    waiting.choose(environment)
    process = subprocess.Popen([sys.executable, "-c", code, chosen.model_dump_json()], env=environment)
    try:
        _await(process, port)
        yield Server(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise ModelFailed("The server did not start.", "Run latentwalk serve to see why.")


def _ready(library: Library, exact: Generator, server: Server) -> Ready:
    # The same generator in this process, in the precision that the server chose for its previews.
    name = exact.spec.name
    chosen = server.precision(name)
    return Ready(exact, exact.at(chosen), lambda: library.directions(name))


async def _in_turn(server: Server, ready: Ready) -> tuple[list[float], list[float], list[float]]:
    hand = await Hand.reach(server.socket, Drag(ready.spec.name, ready))
    live: list[float] = []
    forward: list[float] = []
    encode: list[float] = []
    for round in range(ROUNDS + 1):
        trips = await hand.one_by_one(PER_ROUND)
        passes, encodings = await asyncio.to_thread(_alone, ready, PER_ROUND)  # beside the loop, which answers pings
        if round > 0:  # the first warms up
            live += trips
            forward += passes
            encode += encodings
    await hand.leave()
    return live, forward, encode


def _alone(ready: Ready, count: int) -> tuple[list[float], list[float]]:
    # What a frame costs without anybody asking for it over a wire.
    spec, generator = ready.spec, ready.quick
    classes = class_tensor(dict(spec.default_classes), spec, generator.device)
    passes, encodings = [], []
    with torch.inference_mode():
        for seed in range(count):
            latent = generator.map(generator.sample([seed]), classes)
            begin = time.perf_counter()
            image = generator.synthesize(latent, classes)
            if generator.device.type == "cuda":
                torch.cuda.synchronize(generator.device)
            computed = time.perf_counter()
            codecs.encode(codecs.picture(codecs.pixels(image)[0]), "jpg")
            passes.append(computed - begin)
            encodings.append(time.perf_counter() - computed)
    return passes, encodings


async def _crowd(server: Server, drags: Sequence[Drag], seconds: float) -> list[Hand]:
    hands = [await Hand.reach(server.socket, drag) for drag in drags]
    await hands[0].one_by_one(WARM_UP)
    await asyncio.gather(*(hand.drag_for(seconds) for hand in hands))
    await asyncio.gather(*(hand.leave() for hand in hands))
    return hands
