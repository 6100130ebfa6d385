"""The live socket: edits in, frames out. The newest edit wins, and nothing queues."""

from __future__ import annotations

import json
import time
from typing import Any

import anyio
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from latentwalk.errors import LatentwalkError
from latentwalk.rendering.frame import Frame
from server.api import frame_protocol
from server.api.dependencies import Services, services
from server.api.live_messages import MessageRefused, parse
from server.api.permissions import person
from server.auth.roles import Person
from server.engine.inference_thread import Priority
from server.engine.preview_queue import ClientSlot, PreviewRequest
from server.services.sheets import settled_sheet

router = APIRouter()

MAX_UNACKNOWLEDGED = 2  # frames on their way; more would only be outdated when they are drawn
SETTLE_DELAY = 0.15  # seconds without a newer edit after which the exact picture follows
MAX_SOCKETS = 16  # of one person
TOKEN_CHECK_INTERVAL = 5.0  # seconds between checks that the person's token is still valid
POLL_INTERVAL, CLOSE_TIMEOUT = 0.02, 1.0  # seconds
SERVICE_RESTART, TRY_AGAIN_LATER, POLICY_VIOLATION = 1012, 1013, 1008  # close codes; the page reconnects after 1012
COST_UNIT = 4096  # bytes of a message that count as one message against the rate limit


@router.websocket("/ws/live")
async def live(socket: WebSocket) -> None:
    """Serve one tab until it is closed."""
    app, who = services(socket), person(socket)
    await socket.accept()
    if app.lifecycle.draining:
        await socket.close(SERVICE_RESTART, "The server is stopping.")
        return
    if reason := _refusal(app, who):
        app.metrics.refusals.labels("full").inc()
        await socket.close(TRY_AGAIN_LATER, reason)
        return
    app.live_sockets.add(socket)
    app.metrics.sockets.inc()
    try:
        await LiveSession(socket, app, who).run()
    except* WebSocketDisconnect:
        pass  # the tab was closed
    finally:
        app.live_sockets.discard(socket)


def _refusal(app: Services, who: Person) -> str:
    # Why one more socket of this person is refused, "" if it is not.
    others = [person(other) for other in app.live_sockets]
    if sum(other.id == who.id for other in others) >= MAX_SOCKETS:
        return "You have too many tabs open."
    # Whoever opens their link again is a new person, so an account as a whole leaves places for others too.
    if sum(other.account == who.account for other in others) >= max(MAX_SOCKETS, app.settings.people // 2):
        return "Too many people are connected with your link." if who.by else "Too many tabs are open."
    return "Too many people are connected." if len(others) >= app.settings.people else ""


class LiveSession:
    """The state of one connection; nothing of it outlives the connection."""

    def __init__(self, socket: WebSocket, services: Services, who: Person) -> None:
        self.socket = socket
        self.services = services
        self.who = who
        self.slot = ClientSlot(who.id)
        self.unacknowledged: list[int] = []
        self.acknowledged = anyio.Event()
        self.last_sent: PreviewRequest | None = None
        self.preview_sent = anyio.Event()
        self.sending = anyio.Lock()

    async def run(self) -> None:
        """Read messages, send previews and settled frames until the connection ends."""
        hello = {"version": self.services.version, "device": self.services.backend.device}
        await self._send_json({"hello": hello})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read)
            tasks.start_soon(self._send_previews)
            tasks.start_soon(self._send_settled_frames)
            tasks.start_soon(self._close_when_needed)

    async def _read(self) -> None:
        share = self.services.rate_limits.of(self.who.id, "messages")
        while True:
            raw = await self.socket.receive()
            if raw["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(raw.get("code", 1000))
            # The reader waits instead of dropping messages: the last edit must arrive.
            await anyio.sleep(share.take(1 + len(raw.get("text") or raw.get("bytes") or "") // COST_UNIT))
            try:
                message = parse(raw)
            except MessageRefused as refusal:
                await self._send_error(refusal.rev, refusal.reason)
                continue
            # A client that acknowledges a frame before it was sent does not read what it receives.
            if message.ack is not None and self.unacknowledged and message.ack <= self.unacknowledged[-1]:
                self.unacknowledged = [rev for rev in self.unacknowledged if rev > message.ack]
                self.acknowledged.set()
            if message.request is not None:
                self.services.metrics.edits.inc()
                self.slot.put(message.request)

    async def _send_previews(self) -> None:
        while True:
            await self._wait_for_credit()
            request = await self.slot.take()
            request, answer = await self.services.backend.preview(self.slot, request)
            if isinstance(answer, LatentwalkError):
                await self._send_error(request.rev, answer)
                continue
            await self._send_frame(request, answer, settled=False)
            self.last_sent = request
            self.preview_sent.set()

    async def _send_settled_frames(self) -> None:
        while True:
            await self.preview_sent.wait()
            self.preview_sent = anyio.Event()
            request = self.last_sent
            assert request is not None
            await anyio.sleep(max(0.0, request.at + SETTLE_DELAY - time.perf_counter()))
            await self._wait_for_credit()
            if self.slot.newest is not request:
                continue
            try:
                if request.others:
                    frame = await settled_sheet(self.services.backend, request.edits, self.who.id)
                else:
                    frame = await self.services.backend.still(
                        request.edit, priority=Priority.SETTLE, person=self.who.id
                    )
            except LatentwalkError as error:
                await self._send_error(request.rev, error)
                continue
            if self.slot.newest is request:
                await self._send_frame(request, frame, settled=True)

    async def _close_when_needed(self) -> None:
        # Close when the token is revoked, or when the server stops and the last edit has its frame.
        authenticator, lifecycle = self.services.authenticator, self.services.lifecycle
        while not lifecycle.draining:
            with anyio.move_on_after(TOKEN_CHECK_INTERVAL):
                await lifecycle.drained()
            if not authenticator.open and self.who.by not in authenticator.tokens():
                await self._close(POLICY_VIOLATION, "Your token was revoked.")
        with anyio.move_on_after(self.services.settings.drain):
            while self.slot.newest is not self.last_sent:
                await anyio.sleep(POLL_INTERVAL)
        await self._close(SERVICE_RESTART, "The server is stopping; reconnect in a moment.")

    async def _close(self, code: int, reason: str) -> None:
        with anyio.move_on_after(CLOSE_TIMEOUT):  # a client that reads nothing must not delay the server's end
            async with self.sending:
                await self.socket.close(code, reason)
        raise WebSocketDisconnect(code)

    async def _wait_for_credit(self) -> None:
        while len(self.unacknowledged) >= MAX_UNACKNOWLEDGED:
            if self.acknowledged.is_set():  # two tasks may wait for the same event, so it is renewed only here
                self.acknowledged = anyio.Event()
            await self.acknowledged.wait()

    async def _send_frame(self, request: PreviewRequest, frame: Frame, *, settled: bool) -> None:
        self.unacknowledged.append(request.rev)
        async with self.sending:
            await self.socket.send_bytes(frame_protocol.pack(request.rev, frame, settled=settled))
        self.services.metrics.frame(frame, settled=settled)

    async def _send_error(self, rev: int | None, reason: LatentwalkError) -> None:
        await self._send_json({"rev": rev, "error": reason.view()})

    async def _send_json(self, message: dict[str, Any]) -> None:
        async with self.sending:
            await self.socket.send_text(json.dumps(message))
