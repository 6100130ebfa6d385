"""How fast it is: one forward pass, one encoding, and the way there and back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latentwalk.edit import class_tensor
from latentwalk.rendering import image_codec
from latentwalk.rendering.device import pick_device, tune_threads
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator
from server.cli.bench.server_process import Server, serving
from server.cli.bench.simulated_user import Drag, SimulatedUser, Track
from server.settings import Settings
from server.storage.library import Library

ROUNDS, PER_ROUND = 5, 40
Shares = Mapping[str, float]
USUAL: Shares = {"p50": 0.5, "p95": 0.95}
LOAD: Shares = {**USUAL, "p99": 0.99}


def bench(settings: Settings, generator: str) -> dict[str, Any]:
    """Milliseconds of a forward pass, of encoding its picture, and from an edit sent to its frame received.

    All three are taken in turn in one run, so that whatever else the machine does falls on each of them alike.
    `ratio` is live p50 over the sum of the other two's.
    """
    tune_threads()
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


def quantiles(seconds: Sequence[float], shares: Shares = USUAL) -> dict[str, float]:
    """Median and 95th percentile in milliseconds, or other `shares`."""
    return ranked([1000 * one for one in seconds], shares)


def ranked(values: Sequence[float], shares: Shares = USUAL) -> dict[str, float]:
    """The values below which the shares of all lie; nan where there are none."""
    ordered = sorted(values) or [math.nan]
    return {name: round(ordered[int(share * (len(ordered) - 1))], 3) for name, share in shares.items()}


def jain(shares: Sequence[float]) -> float:
    """Jain's index: (sum x)^2 / (n sum x^2), from 1/n (one has all) to 1 (all have the same)."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def _ready(library: Library, exact: Generator, server: Server) -> LoadedGenerator:
    # The same generator in this process, in the precision that the server chose for its previews.
    name = exact.spec.name
    chosen = server.precision(name)
    return LoadedGenerator(exact, exact.at(chosen), lambda: library.directions(name))


async def _in_turn(server: Server, ready: LoadedGenerator) -> tuple[list[float], list[float], list[float]]:
    tracks = [Track(one.id, one.unit, *one.range) for one in ready.directions().values()]
    hand = await SimulatedUser(server.socket, Drag(ready.spec.name, tracks), server.sign_in()).reach()
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


def _alone(ready: LoadedGenerator, count: int) -> tuple[list[float], list[float]]:
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
            image_codec.encode(image_codec.to_image(image_codec.to_pixels(image)[0]), "jpg")
            passes.append(computed - begin)
            encodings.append(time.perf_counter() - computed)
    return passes, encodings
