"""Limits on request bodies: their size by route, their speed, and the bytes per person."""

from __future__ import annotations

import asyncio
import re
import sys
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from latentwalk.directions.direction_file import LARGEST_FILE
from latentwalk.errors import too_much
from latentwalk.films.recipe_extraction import LARGEST_FILE as LARGEST_DROPPED
from latentwalk.inversion.encoder_inversion import LARGEST_FILE as LARGEST_PICTURE
from server.auth.rate_limits import TokenBucket
from server.services.directions.external_directions import LARGEST_VECTORS
from server.services.file_identification import HEAD as LARGEST_HEAD
from server.services.generators.import_quarantine import LARGEST as LARGEST_CHECKPOINT
from server.storage.audio_files import LARGEST as LARGEST_SOUND
from server.storage.regressors import LARGEST_UPLOAD

LARGEST = 256 * 2**10  # bytes of a body, except on the routes below
LARGER = (
    (re.compile(r"/api/directions/upload"), LARGEST_FILE),
    (re.compile(r"/api/directions/foreign"), LARGEST_VECTORS),
    (re.compile(r"/api/files/identify"), LARGEST_HEAD),
    (re.compile(r"/api/imports"), LARGEST_CHECKPOINT),
    (re.compile(r"/api/regressors"), LARGEST_UPLOAD),
    (re.compile(r"/api/generators/[^/]+/invert"), LARGEST_PICTURE),
    (re.compile(r"/api/walks/audio"), LARGEST_SOUND),
    (re.compile(r"/api/walks/restore|/api/provenance/check"), LARGEST_DROPPED),
)
DISCARDED = 64 * 2**20  # bytes of a too large body that are read and dropped, so that its sender receives the response
RAW = {  # the OpenAPI description of routes whose body is a file
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
MAX_DIGITS = 19  # of a length in bytes
BODY_TIMEOUT = 15.0  # seconds for a body
SLOWEST = 16 * 2**10  # bytes; each such number received extends the time by a second
HANG_UP = {"connection": "close"}  # do not wait for the rest of the body


def limit_of(path: str) -> int:
    """The largest body in bytes that an address accepts."""
    return next((size for pattern, size in LARGER if pattern.fullmatch(path)), LARGEST)


def announced(scope: Scope) -> int:
    """The value of the Content-Length header, 0 without one."""
    length = Headers(scope=scope).get("content-length", "").lstrip("0")
    if not length.isdecimal():
        return 0
    return int(length) if len(length) < MAX_DIGITS else sys.maxsize  # Python refuses to read thousands of digits


class BodyLimit:
    """A `receive` that refuses a body that is too large, too slow, or exceeds the person's rate limit."""

    def __init__(self, receive: Receive, limit: int, share: TokenBucket, timeout: float | None = None) -> None:
        self._receive, self._limit, self._share = receive, limit, share
        self._timeout = BODY_TIMEOUT if timeout is None else timeout
        self._begin, self._received, self._complete = time.monotonic(), 0, False

    async def __call__(self) -> Message:
        """The next message of the request."""
        if self._complete:
            return await self._receive()  # waits for the client to disconnect
        until = self._begin + self._timeout + self._received / SLOWEST
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, headers=HANG_UP) from None
        size = len(message.get("body", b""))
        self._received += size
        self._complete = not message.get("more_body", False)
        if self._received > self._limit:
            raise HTTPException(413, headers=HANG_UP)
        if size and (wait := self._share.take(size)):
            raise too_much(wait)
        return message


async def discard(receive: Receive, timeout: float = BODY_TIMEOUT) -> None:
    """Read and drop a refused body: most clients take a response before its end for a broken connection."""
    received, more = 0, True
    try:
        async with asyncio.timeout(timeout):
            while more and received < DISCARDED:
                message = await receive()
                received += len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
