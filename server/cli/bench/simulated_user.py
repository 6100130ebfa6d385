"""Simulated users: each drags sliders over a live socket and records what it receives."""

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

RATE = 60.0  # edits per second while a slider is dragged
END_PATIENCE = 10.0  # seconds to wait for the last frame


@dataclass(frozen=True, slots=True)
class Track:
    """A slider: its id, its unit, and the ends of its range in that unit."""

    id: str
    unit: Unit
    low: float
    high: float

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Track:
        """The track of a direction, given as its view in /api/directions."""
        return cls(view["id"], Unit(**view["unit"]), *view["range"])


class Drag:
    """The edits of one drag after another: one amount at a time oscillates over its range. The seed decides them."""

    def __init__(self, generator: str, tracks: Sequence[Track], seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._tracks = tracks
        self._edit: dict[str, Any] = {"generator": generator, "base": {"seed": self._random.randrange(2**32)}}
        self._phase = self._random.random() * math.tau

    def another(self, seed: int) -> Drag:
        """The drag of another user on the same sliders."""
        return Drag(self._edit["generator"], self._tracks, seed)

    def next(self) -> Mapping[str, Any]:
        """The next edit, as JSON."""
        self._phase += self._random.uniform(0.02, 0.2)
        wave = (1 + math.sin(self._phase)) / 2
        if not self._tracks:
            return {**self._edit, "truncation": 0.5 + wave / 2}
        track = self._tracks[int(self._phase / 7) % len(self._tracks)]
        low, high = (track.unit.coordinate(end) for end in (track.low, track.high))
        return {**self._edit, "amounts": {track.id: track.unit.amount(low + wave * (high - low))}}


@dataclass(slots=True)
class SimulatedUser:
    """One user with one live socket.

    reading_time   seconds between receiving a frame and acknowledging it
    wall           pictures of a wall that each edit is sent for; 1 is the edit alone
    round_trips    seconds from each edit to its frame
    ages           seconds since the edit of a frame was sent, when the next frame replaces it
    edits_behind   edits sent since the one that a frame shows
    received_last  whether the exact frame of the last edit arrived
    """

    address: str
    drag: Drag
    cookie: str = ""
    reading_time: float = 0.0
    wall: int = 1
    rev: int = 0
    frames: int = 0
    errors: int = 0
    connections: int = 0
    received_last: bool = False
    round_trips: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    edits_behind: list[int] = field(default_factory=list)
    _socket: ClientConnection | None = None
    _edit: Mapping[str, Any] = field(default_factory=dict)
    _sent: dict[int, float] = field(default_factory=dict)
    _last_rev: int = 0

    async def open(self) -> SimulatedUser:
        """Connect, or reconnect: the server keeps no state, so the newest edit is sent again."""
        headers = {"cookie": self.cookie} if self.cookie else None
        self._socket = await connect(
            self.address, compression=None, max_size=2**24, ping_interval=None, additional_headers=headers
        )
        self.connections += 1
        await self._socket.recv()
        if self._edit:
            self.rev += 1
            await self._send()
        return self

    async def close(self) -> None:
        """Close the socket."""
        await self.socket.close()

    def abort(self) -> None:
        """Abort the connection, if there is one, without a closing handshake."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def socket(self) -> ClientConnection:
        """The open socket."""
        assert self._socket is not None, "the socket is not open"
        return self._socket

    async def measure_round_trips(self, count: int) -> list[float]:
        """Send `count` edits, each after the frame of the one before; the seconds from each edit to its frame."""
        trips = []
        for _ in range(count):
            begin = time.perf_counter()
            await self.send_edit()
            while True:
                header = await self._frame()
                if header is not None and header.rev == self.rev and not header.settled:
                    break
            trips.append(time.perf_counter() - begin)
            await self.socket.send(json.dumps({"ack": self.rev}))
        return trips

    async def drag_for(self, seconds: float, drops: int = 0) -> None:
        """Send edits at RATE, acknowledge frames, and wait for the exact frame of the last edit.

        The connection is aborted and opened again `drops` times, evenly spread over the time.
        """
        end = time.perf_counter() + seconds
        for part in range(drops + 1):
            last = part == drops
            left = end - time.perf_counter()
            stretch = left if last else left / (drops - part + 1)
            try:
                async with asyncio.timeout(stretch + END_PATIENCE), asyncio.TaskGroup() as group:
                    sending = group.create_task(self._send_edits(stretch))
                    acknowledging = group.create_task(self._acknowledge(sending))
                    if not last:
                        await sending
                        acknowledging.cancel()
            except* (WebSocketException, OSError):
                self.errors += 1
            except* TimeoutError:
                pass  # `received_last` stays false
            if not last:
                self.abort()
                await self._reconnect()

    async def _reconnect(self) -> None:
        try:
            await self.open()
        except (WebSocketException, OSError):
            self.errors += 1

    async def send_without_reading(self, seconds: float) -> None:
        """Send edits and acknowledge every frame, but read none of them."""
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                for tick in range(max(1, round(seconds * RATE))):
                    await asyncio.sleep(max(0.0, begin + tick / RATE - time.perf_counter()))
                    self.rev += 1
                    await self.socket.send(json.dumps({"rev": self.rev, "edit": self.drag.next(), "ack": self.rev}))
        except (WebSocketException, OSError, TimeoutError):
            pass  # the server may close such a connection

    async def _send_edits(self, seconds: float) -> None:
        begin = time.perf_counter()
        for tick in range(max(1, round(seconds * RATE))):
            await asyncio.sleep(max(0.0, begin + tick / RATE - time.perf_counter()))
            await self.send_edit()

    async def _acknowledge(self, sending: asyncio.Task[None]) -> None:
        while True:
            header = await self._frame()
            if header is None:
                continue
            if self.reading_time:
                await asyncio.sleep(self.reading_time)
            await self.socket.send(json.dumps({"ack": header.rev}))
            if not header.settled:
                self._count(header.rev)
            elif sending.done() and header.rev == self.rev:
                self.received_last = True
                return

    def _count(self, rev: int) -> None:
        now = time.perf_counter()
        self.frames += 1
        self.round_trips.append(now - self._sent[rev])
        self.edits_behind.append(self.rev - rev)
        if self._last_rev in self._sent:
            self.ages.append(now - self._sent[self._last_rev])
        self._last_rev = rev
        for old in [old for old in self._sent if old < rev]:
            del self._sent[old]

    async def send_edit(self) -> None:
        """Send one more edit."""
        self.rev += 1
        self._edit = self.drag.next()
        await self._send()

    async def _send(self) -> None:
        self._sent[self.rev] = time.perf_counter()
        edits = [{**self._edit, "base": {"seed": seed}} for seed in range(self.wall)]
        wanted = {"edit": self._edit} if self.wall == 1 else {"edits": edits}
        await self.socket.send(json.dumps({"rev": self.rev, **wanted}))

    async def _frame(self) -> frame_protocol.Header | None:
        message = await self.socket.recv()
        if isinstance(message, str):
            self.errors += "error" in json.loads(message)
            return None
        return frame_protocol.unpack(message)[0]
