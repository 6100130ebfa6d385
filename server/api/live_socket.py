"""The slider socket: edits in, frames out; the newest edit wins and nothing queues."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import anyio
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from latentwalk import edit
from latentwalk.errors import Invalid, LatentwalkError
from latentwalk.rendering.frame import Frame
from server.api import frame_protocol
from server.api.dependencies import Services, services
from server.api.permissions import person
from server.auth.roles import Person
from server.engine.inference_thread import Priority
from server.engine.preview_queue import ClientSlot, PreviewRequest

router = APIRouter()

MOST_UNSEEN = 2  # frames on their way; more would only be older by the time they are drawn
REST = 0.15  # seconds without a newer edit after which the exact picture follows
MOST_TABS = 16  # of one person
TRUST = 5.0  # seconds between looks at whether a token still holds
PACE, PATIENCE = 0.02, 1.0  # seconds
GOING = 1012  # "service restart": the page comes back by itself
LARGEST_MESSAGE = 64 * 2**10
PIECE = 4096  # bytes that count as one message more
LARGEST_REV = 2**32 - 1
LARGEST_SIDE = 8192


@router.websocket("/ws/live")
async def live(socket: WebSocket) -> None:
    """One tab's conversation."""
    house, who = services(socket), person(socket)
    await socket.accept()
    if house.lifecycle.draining:
        await socket.close(GOING, "The server is stopping.")
        return
    mine = sum(person(tab).id == who.id for tab in house.live_sockets)
    if len(house.live_sockets) >= house.settings.people or mine >= MOST_TABS:
        house.metrics.refusals.labels("full").inc()
        reason = "You have too many tabs open already." if mine >= MOST_TABS else "Too many people are here already."
        await socket.close(1013, reason)
        return
    house.live_sockets.add(socket)
    house.metrics.sockets.inc()
    try:
        await Session(socket, house, who).talk()
    except* WebSocketDisconnect:
        pass  # the person closed the tab
    finally:
        house.live_sockets.discard(socket)


@dataclass(frozen=True, slots=True)
class Message:
    """What a client said: a wish, an acknowledgement, or both."""

    wish: PreviewRequest | None
    ack: int | None


class Refused(Exception):
    """A message that cannot be followed, with the number to answer it under."""

    def __init__(self, rev: int | None, reason: LatentwalkError) -> None:
        super().__init__(str(reason))
        self.rev = rev
        self.reason = reason


class Session:
    """What the server knows of one tab while it is connected; nothing of it outlives the connection."""

    def __init__(self, socket: WebSocket, services: Services, who: Person) -> None:
        self.socket = socket
        self.services = services
        self.who = who
        self.slot = ClientSlot(who.id)
        self.unseen: list[int] = []
        self.seen = anyio.Event()
        self.shown: PreviewRequest | None = None
        self.rested = anyio.Event()
        self.sending = anyio.Lock()

    async def talk(self) -> None:
        """Read, draw and settle until the tab is closed."""
        hello = {"version": self.services.version, "device": self.services.backend.device}
        await self._say({"hello": hello})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read)
            tasks.start_soon(self._draw)
            tasks.start_soon(self._settle)
            tasks.start_soon(self._leave)

    async def _read(self) -> None:
        share = self.services.rate_limits.of(self.who.id, "messages")
        while True:
            raw = await self.socket.receive()
            if raw["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(raw.get("code", 1000))
            # The reader waits instead of throwing messages away: the last edit must arrive.
            await anyio.sleep(share.take(1 + len(raw.get("text") or raw.get("bytes") or "") // PIECE))
            try:
                message = parse(raw)
            except Refused as refusal:
                await self._refuse(refusal.rev, refusal.reason)
                continue
            # Nobody can have seen a frame that was not sent yet: whoever says so does not read what they get.
            if message.ack is not None and self.unseen and message.ack <= self.unseen[-1]:
                self.unseen = [rev for rev in self.unseen if rev > message.ack]
                self.seen.set()
            if message.wish is not None:
                self.services.metrics.edits.inc()
                self.slot.put(message.wish)

    async def _draw(self) -> None:
        while True:
            await self._credit()
            wish = await self.slot.take()
            wish, answer = await self.services.backend.preview(self.slot, wish)
            if isinstance(answer, LatentwalkError):
                await self._refuse(wish.rev, answer)
                continue
            await self._send(wish, answer, settled=False)
            self.shown = wish
            self.rested.set()

    async def _settle(self) -> None:
        while True:
            await self.rested.wait()
            self.rested = anyio.Event()
            wish = self.shown
            assert wish is not None
            await anyio.sleep(max(0.0, wish.at + REST - time.perf_counter()))
            await self._credit()
            if self.slot.newest is not wish:
                continue
            try:
                frame = await self.services.backend.still(wish.edit, priority=Priority.SETTLE, person=self.who.id)
            except LatentwalkError as error:
                await self._refuse(wish.rev, error)
                continue
            if self.slot.newest is wish:
                await self._send(wish, frame, settled=True)

    async def _leave(self) -> None:
        # Ends the conversation where the server stops, once the last edit has its frame, or the token was taken back.
        gate, life = self.services.authenticator, self.services.lifecycle
        while not life.draining:
            with anyio.move_on_after(TRUST):
                await life.drained()
            if not gate.open and self.who.by not in gate.tokens():
                await self._close(1008, "Your token was taken back.")
        with anyio.move_on_after(self.services.settings.drain):
            while self.slot.newest is not self.shown:
                await anyio.sleep(PACE)
        await self._close(GOING, "The server is stopping; come back in a moment.")

    async def _close(self, code: int, reason: str) -> None:
        with anyio.move_on_after(PATIENCE):  # whoever reads nothing shall not keep us
            async with self.sending:
                await self.socket.close(code, reason)
        raise WebSocketDisconnect(code)

    async def _credit(self) -> None:
        while len(self.unseen) >= MOST_UNSEEN:
            if self.seen.is_set():  # two tasks may wait for the same event, so it is renewed only when it is used up
                self.seen = anyio.Event()
            await self.seen.wait()

    async def _send(self, wish: PreviewRequest, frame: Frame, *, settled: bool) -> None:
        self.unseen.append(wish.rev)
        async with self.sending:
            await self.socket.send_bytes(frame_protocol.pack(wish.rev, frame, settled=settled))
        self.services.metrics.frame(frame, settled=settled)

    async def _refuse(self, rev: int | None, reason: LatentwalkError) -> None:
        await self._say({"rev": rev, "error": reason.view()})

    async def _say(self, message: dict[str, Any]) -> None:
        async with self.sending:
            await self.socket.send_text(json.dumps(message))


def parse(raw: Any) -> Message:
    """A socket message's meaning; Refused for anything else."""
    text = raw.get("text")
    if text is not None and len(text) > LARGEST_MESSAGE:
        raise Refused(None, Invalid("That message is too large.", f"Send at most {LARGEST_MESSAGE >> 10} KiB."))
    if text is None:
        raise Refused(None, Invalid("The live socket takes text, not bytes.", "Send JSON."))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(None, Invalid("That message is not JSON.", "Send an object with rev and edit.")) from None
    if not isinstance(data, dict):
        raise Refused(None, Invalid("That message is not an object.", "Send an object with rev and edit."))
    rev = data.get("rev") if _whole(data.get("rev"), LARGEST_REV) else None
    unknown = [name for name in data if name not in ("rev", "edit", "ack", "size")]
    if unknown:
        raise Refused(rev, Invalid(f"A message has no “{unknown[0][:60]}”.", "It has rev, edit, ack and size."))
    ack, size = data.get("ack"), data.get("size")
    if ack is not None and not _whole(ack, LARGEST_REV):
        raise Refused(rev, Invalid("ack is not the number of a frame.", "Send the rev of the newest frame drawn."))
    if size is not None and (not _whole(size, LARGEST_SIDE) or size < 8):
        raise Refused(rev, Invalid(f"size is not a side from 8 to {LARGEST_SIDE}.", "Leave it out for the full size."))
    if "edit" not in data:
        if rev is not None or ack is None:
            raise Refused(rev, Invalid("That message holds no edit.", "Send rev and edit, or an ack."))
        return Message(None, ack)
    if rev is None:
        raise Refused(None, Invalid("That edit has no number.", f"Send rev, from 0 to {LARGEST_REV}, rising."))
    try:
        return Message(PreviewRequest(rev, edit.parse(data["edit"]), size), ack)
    except LatentwalkError as error:
        raise Refused(rev, error) from None


def _whole(value: object, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
