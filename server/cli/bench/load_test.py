"""The load test: many simulated users on one server, some of them badly behaved, and what each of them got."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import WebSocketException

from latentwalk.errors import ModelFailed
from server.cli.bench.microbench import LOAD, jain, quantiles, ranked
from server.cli.bench.server_process import Server, serving
from server.cli.bench.simulated_user import Drag, SimulatedUser, Track
from server.settings import Settings

WARM_UP = 20
SLOW_READING = 0.5  # seconds that a slow user takes for each frame
SETTLING_TIME = 0.6  # seconds after which a server has noticed closed connections
POLL_INTERVAL = 1.0  # seconds between readings of the server's metrics
STORM_USERS = 8  # sessions that share the connections of the storm
MEMORY = "process_resident_memory_bytes"
COUNTERS = {"files": "process_open_fds", "tasks": "latentwalk_tasks", "tabs": "latentwalk_live_tabs"}
Reading = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LoadTest:
    """`people` users drag at 60 edits per second for `seconds`.

    `slow` of them take half a second for each frame, `silent` additional users acknowledge all frames and read none,
    `storm` additional connections are opened and aborted, and each user loses its connection `drops` times.
    """

    people: int
    seconds: float
    slow: int = 0
    silent: int = 0
    storm: int = 0
    drops: int = 0


def load(settings: Settings, generator: str, test: LoadTest, address: str = "") -> dict[str, Any]:
    """Run the load test against the server at `address`, or against one started for it; returns the figures (JSON).

    `errors` counts error messages and lost connections, `lost_last_edits` the users whose last frame was not that of
    their last edit. `jain` is Jain's fairness index of the frames that each user who is not slow received: 1 when all
    received the same number. Silent users and the storm are not counted. For `growth` see the function.
    """
    with _server(settings, test, address) as server:
        view = server.generator(generator)
        tracks = [Track.of(one) for one in server.get_json(f"/api/directions?generator={generator}")["directions"]]
        device = server.get_json("/healthz")["device"]
        users = [
            SimulatedUser(
                server.socket,
                Drag(generator, tracks, seed),
                server.sign_in(),
                SLOW_READING if seed < test.slow else 0.0,
            )
            for seed in range(test.people + test.silent)
        ]
        try:
            readings, storm = asyncio.run(_run(server, test, users))
        except (WebSocketException, OSError) as error:
            raise ModelFailed(
                "The server did not admit all users.", "LATENTWALK_PEOPLE limits how many it admits."
            ) from error
        return {
            "generator": generator,
            "device": device,
            "precision": view["precision"],
            **_figures(test, users[: test.people]),
            "silent": test.silent,
            "slow": test.slow,
            "storm": storm,
            "growth": growth(readings),
            "rss_mb": server.rss_mb(),
        }


@contextlib.contextmanager
def _server(settings: Settings, test: LoadTest, address: str) -> Iterator[Server]:
    if address:
        token = settings.token.get_secret_value() if settings.token else ""
        yield Server(address.rstrip("/"), token)
    else:
        places = test.people + test.silent + test.storm
        with serving(settings.model_copy(update={"people": max(min(places, 1024), settings.people)})) as server:
            yield server


async def _run(server: Server, test: LoadTest, users: Sequence[SimulatedUser]) -> tuple[list[Reading], dict[str, int]]:
    first = await SimulatedUser(server.socket, users[0].drag, users[0].cookie).open()
    await first.measure_round_trips(WARM_UP)
    await first.close()
    readings: list[Reading] = [await asyncio.to_thread(server.metrics)]
    try:
        for user in users:
            await user.open()
        counted = await _drag(server, test, users, readings)
    finally:
        for user in users:
            user.abort()
        await asyncio.sleep(SETTLING_TIME)
    readings.append(await asyncio.to_thread(server.metrics))
    return readings, counted


async def _drag(
    server: Server, test: LoadTest, users: Sequence[SimulatedUser], readings: list[Reading]
) -> dict[str, int]:
    polling = asyncio.create_task(_poll_metrics(server, readings))
    storm = asyncio.create_task(_storm(server, test, users[0].drag.another))
    dragging = [user.drag_for(test.seconds, test.drops) for user in users[: test.people]]
    await asyncio.gather(*dragging, *(user.send_without_reading(test.seconds) for user in users[test.people :]))
    counted = await storm
    polling.cancel()
    await asyncio.gather(*(user.close() for user in users[: test.people]))
    return counted  # silent users read nothing, so they cannot take part in a closing handshake


async def _poll_metrics(server: Server, readings: list[Reading]) -> None:
    while True:
        await asyncio.sleep(POLL_INTERVAL)
        readings.append(await asyncio.to_thread(server.metrics))


async def _storm(server: Server, test: LoadTest, drag: Callable[[int], Drag]) -> dict[str, int]:
    # Connections that are aborted in mid-drag, evenly spread over the time.
    source = random.Random(0)
    cookies = [await asyncio.to_thread(server.sign_in) for _ in range(min(test.storm, STORM_USERS))]

    async def visit(number: int) -> bool:
        await asyncio.sleep(test.seconds * number / test.storm)
        user = SimulatedUser(server.socket, drag(number), cookies[number % STORM_USERS])
        try:
            await user.open()
            for _ in range(source.randrange(4)):
                await user.send_edit()
                await asyncio.sleep(source.random() / 50)
        except (WebSocketException, OSError):
            return False
        user.abort()
        return True

    completed = await asyncio.gather(*(visit(number) for number in range(test.storm)))
    return {"connections": test.storm, "refused": completed.count(False)}


def growth(readings: Sequence[Reading]) -> dict[str, list[float | None]]:
    """The server's memory (MB) early and late in the test, and its open files, tasks and sockets before and after."""
    fifth = max(1, len(readings) // 5)
    early, late = readings[fifth : 2 * fifth] or readings[:1], readings[-fifth - 1 : -1] or readings[-1:]
    memory = [_median([one[MEMORY] for one in some if MEMORY in one]) for some in (early, late)]
    ends = (readings[0], readings[-1])
    return {"rss_mb": memory, **{name: [one.get(key) for one in ends] for name, key in COUNTERS.items()}}


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values) / 1e6, 1) if values else None


def _figures(test: LoadTest, users: Sequence[SimulatedUser]) -> dict[str, Any]:
    quick = [user for user in users if not user.reading_time] or users
    frames = sum(user.frames for user in users)
    return {
        "people": test.people,
        "seconds": test.seconds,
        "frames": frames,
        "fps": round(frames / test.seconds, 2),
        "fps_each": round(frames / test.seconds / max(1, len(users)), 2),
        "errors": sum(user.errors for user in users),
        "lost_last_edits": sum(not user.received_last for user in users),
        "reconnects": sum(user.connections - 1 for user in users),
        "jain": round(jain([user.frames for user in quick]), 4),
        "roundtrip_ms": quantiles([trip for user in quick for trip in user.round_trips], LOAD),
        "staleness_ms": quantiles([age for user in quick for age in user.ages], LOAD),
        "edits_behind": ranked([lag for user in quick for lag in user.edits_behind], LOAD),
    }
