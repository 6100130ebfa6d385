"""The benchmark: one forward pass, one encoding, and the live round trip."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latentwalk.latents.class_weights import class_tensor
from latentwalk.rendering import image_codec
from latentwalk.rendering.device import pick_device, tune_threads
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator
from server.cli.bench.server_process import Server, serving
from server.cli.bench.simulated_user import Drag, SimulatedUser, Track
from server.settings import Settings
from server.storage.library import Library

ROUNDS, PER_ROUND = 5, 40
WALL, WALLS_PER_ROUND = 9, 8  # pictures of a wall, and round trips of walls
Shares = Mapping[str, float]
USUAL: Shares = {"p50": 0.5, "p95": 0.95}
LOAD: Shares = {**USUAL, "p99": 0.99}


def bench(settings: Settings, generator: str) -> dict[str, Any]:
    """Milliseconds of a forward pass, of encoding its image, and from sending an edit to receiving its frame.

    All are measured in alternation in one run, so that other load on the machine affects all of them alike. `ratio` is
    the live p50 over the sum of the other two. `wall_ms` is the round trip of a wall of nine pictures, and `wall_rate`
    how many walls come in the time of one picture.
    """
    tune_threads()
    library = Library(settings.home)
    exact = library.load(generator, pick_device(settings.device))
    with serving(settings) as server:
        loaded = _loaded(library, exact, server)
        live, walls, forward, encode = asyncio.run(_measure(server, loaded))
        rss = server.rss_mb()
    figures = {"forward_ms": quantiles(forward), "encode_ms": quantiles(encode), "live_ms": quantiles(live)}
    alone = figures["forward_ms"]["p50"] + figures["encode_ms"]["p50"]
    return {
        "generator": generator,
        "device": str(loaded.exact.device),
        "precision": loaded.quick.precision,
        **figures,
        "ratio": round(figures["live_ms"]["p50"] / alone, 3),
        "wall_ms": quantiles(walls),
        "wall_rate": round(figures["live_ms"]["p50"] / quantiles(walls)["p50"], 3),
        "rss_mb": rss,
    }


def quantiles(seconds: Sequence[float], shares: Shares = USUAL) -> dict[str, float]:
    """Median and 95th percentile of durations, in milliseconds; or other quantiles, given by name in `shares`."""
    return ranked([1000 * one for one in seconds], shares)


def ranked(values: Sequence[float], shares: Shares = USUAL) -> dict[str, float]:
    """The quantiles of `values` at the given shares; nan where there are no values."""
    ordered = sorted(values) or [math.nan]
    return {name: round(ordered[int(share * (len(ordered) - 1))], 3) for name, share in shares.items()}


def jain(shares: Sequence[float]) -> float:
    """Jain's index: (sum x)^2 / (n sum x^2), from 1/n (one has everything) to 1 (all have the same)."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def _loaded(library: Library, exact: Generator, server: Server) -> LoadedGenerator:
    # The same generator in this process, in the precision that the server chose for its previews.
    name = exact.spec.name
    chosen = server.precision(name)
    return LoadedGenerator(exact, exact.at(chosen), lambda: library.directions(name))


async def _measure(server: Server, loaded: LoadedGenerator) -> tuple[list[float], ...]:
    # Seconds of round trips, of those of walls, of forward passes and of encodings.
    tracks = [Track(direction.id, direction.unit, *direction.range) for direction in loaded.directions().values()]
    user = await SimulatedUser(server.socket, Drag(loaded.spec.name, tracks), server.sign_in()).open()
    visitor = await SimulatedUser(server.socket, user.drag.another(1), server.sign_in(), wall=WALL).open()
    live: list[float] = []
    walls: list[float] = []
    forward: list[float] = []
    encode: list[float] = []
    for round in range(ROUNDS + 1):
        trips = await user.measure_round_trips(PER_ROUND)
        wall_trips = await visitor.measure_round_trips(WALLS_PER_ROUND)
        passes, encodings = await asyncio.to_thread(
            _time_in_process, loaded, PER_ROUND
        )  # in a thread: the loop answers pings
        if round > 0:  # the first warms up
            live += trips
            walls += wall_trips
            forward += passes
            encode += encodings
    await user.close()
    await visitor.close()
    return live, walls, forward, encode


def _time_in_process(loaded: LoadedGenerator, count: int) -> tuple[list[float], list[float]]:
    # What a frame costs without the server and the socket.
    spec, generator = loaded.spec, loaded.quick
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
