"""Bodies of requests: how large, how slow, and how many of one person's are read."""

from __future__ import annotations

import asyncio
import re
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
from server.services.generators.import_quarantine import LARGEST as LARGEST_CHECKPOINT
from server.storage.audio_files import LARGEST as LARGEST_SOUND
from server.storage.regressors import LARGEST_UPLOAD

LARGEST = 256 * 2**10  # bytes of a request, but for the addresses below
LARGER = (
    (re.compile(r"/api/directions/upload"), LARGEST_FILE),
    (re.compile(r"/api/directions/foreign"), LARGEST_VECTORS),
    (re.compile(r"/api/imports"), LARGEST_CHECKPOINT),
    (re.compile(r"/api/regressors"), LARGEST_UPLOAD),
    (re.compile(r"/api/generators/[^/]+/invert"), LARGEST_PICTURE),
    (re.compile(r"/api/walks/audio"), LARGEST_SOUND),
    (re.compile(r"/api/walks/restore|/api/provenance/check"), LARGEST_DROPPED),
)
DISCARDED = 64 * 2**20  # bytes of a too large request that are read and thrown away, so that its sender hears why
RAW = {  # what routes say in the API's description whose body is a file
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
PATIENCE = 15.0  # seconds a body may take
SLOWEST = 16 * 2**10  # bytes a second that lengthen it
HANG_UP = {"connection": "close"}  # the rest of the body is not worth waiting for


def limit_of(path: str) -> int:
    """The most bytes of a body that this address reads."""
    return next((size for pattern, size in LARGER if pattern.fullmatch(path)), LARGEST)


def announced(scope: Scope) -> int:
    """The bytes that a request says it will send; 0 where it does not say."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


class BodyLimit:
    """A `receive` that gives up on what is too large, too slow, or more than a person's share."""

    def __init__(self, receive: Receive, limit: int, share: TokenBucket, patience: float | None = None) -> None:
        self._receive, self._limit, self._share = receive, limit, share
        self._patience = PATIENCE if patience is None else patience
        self._begin, self._seen, self._whole = time.monotonic(), 0, False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()  # waits for the end of the connection, for as long as it takes
        until = self._begin + self._patience + self._seen / SLOWEST
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, headers=HANG_UP) from None
        size = len(message.get("body", b""))
        self._seen += size
        self._whole = not message.get("more_body", False)
        if self._seen > self._limit:
            raise HTTPException(413, headers=HANG_UP)
        if size and (wait := self._share.take(size)):
            raise too_much(wait)
        return message


async def discard(receive: Receive, patience: float = PATIENCE) -> None:
    """Read a refused body to its end: an answer before that looks like a broken connection to most senders."""
    seen, more = 0, True
    try:
        async with asyncio.timeout(patience):
            while more and seen < DISCARDED:
                message = await receive()
                seen += len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
