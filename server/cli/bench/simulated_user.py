"""People as a measurement needs them: hands on sliders, each at the end of a live socket, counting what they get."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from latentwalk.directions.unit import Unit
from server.api import frame_protocol

RATE = 60.0  # edits a second that a hand on a slider sends
END_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Track:
    """A slider as a hand knows it: its id, its unit, and the ends of its range in that unit."""

    id: str
    unit: Unit
    low: float
    high: float

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Track:
        """The track of a slider as /api/directions shows it."""
        return cls(view["id"], Unit(**view["unit"]), *view["range"])


class Drag:
    """Edits as a hand on a slider makes them: one amount wanders, the rest stays."""

    def __init__(self, generator: str, tracks: Sequence[Track], seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._tracks = tracks
        self._edit: dict[str, Any] = {"generator": generator, "base": {"seed": self._random.randrange(2**32)}}
        self._phase = self._random.random() * math.tau

    def another(self, seed: int) -> Drag:
        """Somebody else's on the same sliders."""
        return Drag(self._edit["generator"], self._tracks, seed)

    def next(self) -> Mapping[str, Any]:
        self._phase += self._random.uniform(0.02, 0.2)
        wave = (1 + math.sin(self._phase)) / 2
        if not self._tracks:
            return {**self._edit, "truncation": 0.5 + wave / 2}
        track = self._tracks[int(self._phase / 7) % len(self._tracks)]
        low, high = (track.unit.coordinate(end) for end in (track.low, track.high))
        return {**self._edit, "amounts": {track.id: track.unit.amount(low + wave * (high - low))}}


@dataclass(slots=True)
class SimulatedUser:
    """One person's tab. `pause` is how long they look at a frame before they say that they saw it.

    `trips` are the seconds from an edit to its frame, `ages` those of the edit in the old frame when the next one
    replaced it, `behind` how many edits had been sent since the one a frame shows.
    """

    address: str
    drag: Drag
    cookie: str = ""
    pause: float = 0.0
    rev: int = 0
    frames: int = 0
    errors: int = 0
    connections: int = 0
    saw_the_last: bool = False
    trips: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    _socket: ClientConnection | None = None
    _edit: Mapping[str, Any] = field(default_factory=dict)
    _sent: dict[int, float] = field(default_factory=dict)
    _shown: int = 0

    async def reach(self) -> SimulatedUser:
        """Open the tab, or open it again: the server remembers nothing, so the newest edit goes once more."""
        headers = {"cookie": self.cookie} if self.cookie else None
        self._socket = await connect(
            self.address, compression=None, max_size=2**24, ping_interval=None, additional_headers=headers
        )
        self.connections += 1
        await self._socket.recv()
        if self._edit:
            self.rev += 1
            await self._post()
        return self

    async def leave(self) -> None:
        await self.socket.close()

    def drop(self) -> None:
        """Lose the connection, where there is one, as in a tunnel."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None, "the tab is not open"
        return self._socket

    async def one_by_one(self, count: int) -> list[float]:
        """The seconds from each of `count` edits, sent when the one before was answered, to its frame."""
        trips = []
        for _ in range(count):
            begin = time.perf_counter()
            await self.move()
            while True:
                header = await self._frame()
                if header is not None and header.rev == self.rev and not header.settled:
                    break
            trips.append(time.perf_counter() - begin)
            await self.socket.send(json.dumps({"ack": self.rev}))
        return trips

    async def drag_for(self, seconds: float, drops: int = 0) -> None:
        """Send edits at a hand's rate, watch and acknowledge frames, and wait for those of the last edit.

        The connection is lost `drops` times on the way, evenly spread, and made anew.
        """
        end = time.perf_counter() + seconds
        for part in range(drops + 1):
            last = part == drops
            left = end - time.perf_counter()
            stretch = left if last else left / (drops - part + 1)
            try:
                async with asyncio.timeout(stretch + END_PATIENCE), asyncio.TaskGroup() as both:
                    sending = both.create_task(self._send_for(stretch))
                    watching = both.create_task(self._watch(sending))
                    if not last:
                        await sending
                        watching.cancel()
            except* (WebSocketException, OSError):
                self.errors += 1
            except* TimeoutError:
                pass  # `saw_the_last` says so
            if not last:
                self.drop()
                await self._return()

    async def _return(self) -> None:
        try:
            await self.reach()
        except (WebSocketException, OSError):
            self.errors += 1

    async def stare(self, seconds: float) -> None:
        """Drag and claim to have seen every frame, but read none of them."""
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                for tick in range(max(1, round(seconds * RATE))):
                    await asyncio.sleep(max(0.0, begin + tick / RATE - time.perf_counter()))
                    self.rev += 1
                    await self.socket.send(json.dumps({"rev": self.rev, "edit": self.drag.next(), "ack": self.rev}))
        except (WebSocketException, OSError, TimeoutError):
            pass  # the server may well have enough of this

    async def _send_for(self, seconds: float) -> None:
        begin = time.perf_counter()
        for tick in range(max(1, round(seconds * RATE))):
            await asyncio.sleep(max(0.0, begin + tick / RATE - time.perf_counter()))
            await self.move()

    async def _watch(self, sending: asyncio.Task[None]) -> None:
        while True:
            header = await self._frame()
            if header is None:
                continue
            if self.pause:
                await asyncio.sleep(self.pause)
            await self.socket.send(json.dumps({"ack": header.rev}))
            if not header.settled:
                self._count(header.rev)
            elif sending.done() and header.rev == self.rev:
                self.saw_the_last = True
                return

    def _count(self, rev: int) -> None:
        now = time.perf_counter()
        self.frames += 1
        self.trips.append(now - self._sent[rev])
        self.behind.append(self.rev - rev)
        if self._shown in self._sent:
            self.ages.append(now - self._sent[self._shown])
        self._shown = rev
        for old in [old for old in self._sent if old < rev]:
            del self._sent[old]

    async def move(self) -> None:
        """Send one more edit."""
        self.rev += 1
        self._edit = self.drag.next()
        await self._post()

    async def _post(self) -> None:
        self._sent[self.rev] = time.perf_counter()
        await self.socket.send(json.dumps({"rev": self.rev, "edit": self._edit}))

    async def _frame(self) -> frame_protocol.Header | None:
        message = await self.socket.recv()
        if isinstance(message, str):
            self.errors += "error" in json.loads(message)
            return None
        return frame_protocol.unpack(message)[0]
