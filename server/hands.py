"""People as a measurement needs them: hands on sliders, each at the end of a live socket, counting what they get."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from server import wire
from server.shelf import Ready

RATE = 60.0  # edits a second that a hand on a slider sends
END_PATIENCE = 10.0


class Drag:
    """Edits as a hand on a slider makes them: one amount wanders, the rest stays."""

    def __init__(self, generator: str, ready: Ready, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._sliders = list(ready.directions().values())
        self._edit: dict[str, Any] = {"generator": generator, "base": {"seed": self._random.randrange(2**32)}}
        self._phase = self._random.random() * math.tau

    def next(self) -> Mapping[str, Any]:
        self._phase += self._random.uniform(0.02, 0.2)
        wave = (1 + math.sin(self._phase)) / 2
        if not self._sliders:
            return {**self._edit, "truncation": 0.5 + wave / 2}
        slider = self._sliders[int(self._phase / 7) % len(self._sliders)]
        low, high = (slider.unit.coordinate(end) for end in slider.range)
        return {**self._edit, "amounts": {slider.id: slider.unit.amount(low + wave * (high - low))}}


@dataclass(slots=True)
class Hand:
    """One person's tab."""

    socket: ClientConnection
    drag: Drag
    rev: int = 0
    frames: int = 0
    errors: int = 0
    saw_the_last: bool = False
    trips: list[float] = field(default_factory=list)
    _sent: dict[int, float] = field(default_factory=dict)

    @classmethod
    async def reach(cls, address: str, drag: Drag) -> Hand:
        """Open a tab on the live socket at `address`."""
        socket = await connect(address, compression=None, max_size=2**24, ping_interval=None)
        await socket.recv()
        return cls(socket, drag)

    async def leave(self) -> None:
        await self.socket.close()

    async def one_by_one(self, count: int) -> list[float]:
        """The seconds from each of `count` edits, sent when the one before was answered, to its frame."""
        trips = []
        for _ in range(count):
            begin = time.perf_counter()
            await self._edit()
            while True:
                header = await self._frame()
                if header is not None and header.rev == self.rev and not header.settled:
                    break
            trips.append(time.perf_counter() - begin)
            await self.socket.send(json.dumps({"ack": self.rev}))
        return trips

    async def drag_for(self, seconds: float) -> None:
        """Send edits at a hand's rate, watch and acknowledge frames, and wait for those of the last edit."""
        try:
            async with asyncio.timeout(seconds + END_PATIENCE), asyncio.TaskGroup() as both:
                sending = both.create_task(self._send_for(seconds))
                both.create_task(self._watch(sending))
        except* (WebSocketException, OSError):
            self.errors += 1
        except* TimeoutError:
            pass  # `saw_the_last` says so

    async def _send_for(self, seconds: float) -> None:
        begin = time.perf_counter()
        for tick in range(max(1, round(seconds * RATE))):
            await asyncio.sleep(max(0.0, begin + tick / RATE - time.perf_counter()))
            await self._edit()

    async def _watch(self, sending: asyncio.Task[None]) -> None:
        while True:
            header = await self._frame()
            if header is None:
                continue
            await self.socket.send(json.dumps({"ack": header.rev}))
            if not header.settled:
                self.frames += 1
                self.trips.append(time.perf_counter() - self._sent[header.rev])
            elif sending.done() and header.rev == self.rev:
                self.saw_the_last = True
                return

    async def _edit(self) -> None:
        self.rev += 1
        self._sent[self.rev] = time.perf_counter()
        await self.socket.send(json.dumps({"rev": self.rev, "edit": self.drag.next()}))

    async def _frame(self) -> wire.Header | None:
        message = await self.socket.recv()
        if isinstance(message, str):
            self.errors += "error" in json.loads(message)
            return None
        return wire.unpack(message)[0]
