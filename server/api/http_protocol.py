"""Limits on connections that uvicorn lacks: the time and size of a request's head, unread frames, and broken text."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_TIMEOUT = 10.0  # seconds for a request's head, from its first byte or from the connection
LARGEST_HEAD = 64 * 2**10  # bytes; a URL with a whole latent takes a good part of that
# Bytes of one header, and of the path of a socket. The WebSocket library takes lines of up to 8 KiB, and leaves a
# connection with a longer one open without an answer.
LARGEST_HEADER = 8000
MAX_HEADERS = 100
INVALID_TEXT = 1007  # close code
SEND_BUFFER = 256 * 2**10  # bytes on their way to a live socket; a large settled picture fits


class TimeoutHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limited head; uvicorn itself would wait for it forever and hold all of it."""

    head_timeout = HEAD_TIMEOUT

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first head."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head, and hang up when there are too many."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > LARGEST_HEAD and not self.transport.is_closing():
            self._hang_up(431)

    def on_message_begin(self) -> None:
        """Start the timer for a head."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop the timer, and hang up when the head is too large."""
        self._in_head = False
        self._stop_timer()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        longest = max((len(name) + len(value) for name, value in self.headers), default=0)
        if size > LARGEST_HEAD or longest > LARGEST_HEADER or len(self.headers) > MAX_HEADERS:
            self._hang_up(431)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Ignore the body of a refused request."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Ignore the end of a refused request."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Shrink the send buffer, so that rendering stops soon when a client no longer reads."""
        if len(self.url) > LARGEST_HEADER:
            self._hang_up(431)
            return
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.family != getattr(socket, "AF_UNIX", None):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().handle_websocket_upgrade()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_timeout, self._hang_up, 408)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self, status: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(STATUS_LINE[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()


class StrictTextProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, without a traceback in the log for each message that is not UTF-8."""

    def send_receive_event_to_app(self) -> None:
        """Hand a message on, or close with 1007 (RFC 6455, section 8.1) if it is text that is not UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.conn.send_close(INVALID_TEXT)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()
