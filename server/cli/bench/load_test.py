"""What many people at once get: a crowd of hands on one server, some of them rude, and the figures of it."""

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
GLANCE = 0.5  # seconds that a slow reader looks at each frame
REST = 0.6  # seconds after which a server has noticed that somebody left
LOOK_EVERY = 1.0  # seconds between looks at the server's own figures
STORMERS = 8  # people whose connections the storm is made of
MEMORY = "process_resident_memory_bytes"
COUNTED = {"files": "process_open_fds", "tasks": "latentwalk_tasks", "tabs": "latentwalk_live_tabs"}
Reading = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LoadTest:
    """Who comes: `people` who drag at 60 edits a second for `seconds`, and beside them whoever makes it hard.

    `slow` of them look at each frame for half a second, `silent` ones more claim to see all frames and read none,
    `storm` connections are opened and cut off on the way, and each of the people loses theirs `drops` times.
    """

    people: int
    seconds: float
    slow: int = 0
    silent: int = 0
    storm: int = 0
    drops: int = 0


def load(settings: Settings, generator: str, crowd: LoadTest, address: str = "") -> dict[str, Any]:
    """Let a crowd drag sliders; what they got, and whether it was fair.

    Without an `address` a server of our own is started. `errors` counts errors told and connections lost,
    `lost_last_edits` people whose last frame was not their last edit, `jain` is Jain's fairness index of the frames
    each quick reader received: 1 where all got the same. Silent ones and the storm are counted in none of these.
    `growth` is of the server: see there.
    """
    with _server(settings, crowd, address) as server:
        view = server.generator(generator)
        tracks = [Track.of(one) for one in server.ask(f"/api/directions?generator={generator}")["directions"]]
        device = server.ask("/healthz")["device"]
        hands = [
            SimulatedUser(
                server.socket, Drag(generator, tracks, seed), server.sign_in(), GLANCE if seed < crowd.slow else 0.0
            )
            for seed in range(crowd.people + crowd.silent)
        ]
        try:
            readings, storm = asyncio.run(_come(server, crowd, hands))
        except (WebSocketException, OSError) as error:
            raise ModelFailed("The server did not let everybody in.", "Its LATENTWALK_PEOPLE says how many.") from error
        return {
            "generator": generator,
            "device": device,
            "precision": view["precision"],
            **_figures(crowd, hands[: crowd.people]),
            "silent": crowd.silent,
            "slow": crowd.slow,
            "storm": storm,
            "growth": growth(readings),
            "rss_mb": server.rss_mb(),
        }


@contextlib.contextmanager
def _server(settings: Settings, crowd: LoadTest, address: str) -> Iterator[Server]:
    if address:
        token = settings.token.get_secret_value() if settings.token else ""
        yield Server(address.rstrip("/"), token)
    else:
        places = crowd.people + crowd.silent + crowd.storm
        with serving(settings.model_copy(update={"people": max(min(places, 1024), settings.people)})) as server:
            yield server


async def _come(
    server: Server, crowd: LoadTest, hands: Sequence[SimulatedUser]
) -> tuple[list[Reading], dict[str, int]]:
    first = await SimulatedUser(server.socket, hands[0].drag, hands[0].cookie).reach()
    await first.one_by_one(WARM_UP)
    await first.leave()
    readings: list[Reading] = [await asyncio.to_thread(server.metrics)]
    try:
        for hand in hands:
            await hand.reach()
        counted = await _drag(server, crowd, hands, readings)
    finally:
        for hand in hands:
            hand.drop()
        await asyncio.sleep(REST)
    readings.append(await asyncio.to_thread(server.metrics))
    return readings, counted


async def _drag(
    server: Server, crowd: LoadTest, hands: Sequence[SimulatedUser], readings: list[Reading]
) -> dict[str, int]:
    looking = asyncio.create_task(_look(server, readings))
    storm = asyncio.create_task(_storm(server, crowd, hands[0].drag.another))
    dragging = [hand.drag_for(crowd.seconds, crowd.drops) for hand in hands[: crowd.people]]
    await asyncio.gather(*dragging, *(hand.stare(crowd.seconds) for hand in hands[crowd.people :]))
    counted = await storm
    looking.cancel()
    await asyncio.gather(*(hand.leave() for hand in hands[: crowd.people]))
    return counted  # those who read nothing would take no part in a farewell


async def _look(server: Server, readings: list[Reading]) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        readings.append(await asyncio.to_thread(server.metrics))


async def _storm(server: Server, crowd: LoadTest, drag: Callable[[int], Drag]) -> dict[str, int]:
    # Connections that end in mid-drag, without a word, evenly spread over the time.
    chance = random.Random(0)
    cookies = [await asyncio.to_thread(server.sign_in) for _ in range(min(crowd.storm, STORMERS))]

    async def visit(number: int) -> bool:
        await asyncio.sleep(crowd.seconds * number / crowd.storm)
        hand = SimulatedUser(server.socket, drag(number), cookies[number % STORMERS])
        try:
            await hand.reach()
            for _ in range(chance.randrange(4)):
                await hand.move()
                await asyncio.sleep(chance.random() / 50)
        except (WebSocketException, OSError):
            return False
        hand.drop()
        return True

    came = await asyncio.gather(*(visit(number) for number in range(crowd.storm)))
    return {"connections": crowd.storm, "refused": came.count(False)}


def growth(readings: Sequence[Reading]) -> dict[str, list[float | None]]:
    """The server's memory early and late in the crowd's time, and its open files and tasks before and after it."""
    fifth = max(1, len(readings) // 5)
    early, late = readings[fifth : 2 * fifth] or readings[:1], readings[-fifth - 1 : -1] or readings[-1:]
    memory = [_median([one[MEMORY] for one in some if MEMORY in one]) for some in (early, late)]
    ends = (readings[0], readings[-1])
    return {"rss_mb": memory, **{name: [one.get(key) for one in ends] for name, key in COUNTED.items()}}


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values) / 1e6, 1) if values else None


def _figures(crowd: LoadTest, hands: Sequence[SimulatedUser]) -> dict[str, Any]:
    quick = [hand for hand in hands if not hand.pause] or hands
    frames = sum(hand.frames for hand in hands)
    return {
        "people": crowd.people,
        "seconds": crowd.seconds,
        "frames": frames,
        "fps": round(frames / crowd.seconds, 2),
        "fps_each": round(frames / crowd.seconds / max(1, len(hands)), 2),
        "errors": sum(hand.errors for hand in hands),
        "lost_last_edits": sum(not hand.saw_the_last for hand in hands),
        "reconnects": sum(hand.connections - 1 for hand in hands),
        "jain": round(jain([hand.frames for hand in quick]), 4),
        "roundtrip_ms": quantiles([trip for hand in quick for trip in hand.trips], LOAD),
        "staleness_ms": quantiles([age for hand in quick for age in hand.ages], LOAD),
        "edits_behind": ranked([lag for hand in quick for lag in hand.behind], LOAD),
    }
