"""Passes: what a browser's cookie holds once its token was good; signed, so that the server need remember nobody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentwalk.errors import StorageFailed
from server.auth.tokens import private

LASTS = 30 * 24 * 3600  # seconds
LARGEST = 512  # characters


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """A person's number, the token that let them in, and the salt of that very token: made anew, it is another."""

    person: str
    token: str
    salt: str


class SessionCookies:
    """Makes and reads passes with one secret key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def make(self, token: str, salt: str) -> str:
        """A pass for a new person."""
        payload = [secrets.token_hex(8), token, salt, int(self._clock())]
        body = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
        return f"{body}.{self._sign(body)}"

    def read(self, text: str) -> SessionCookie | None:
        """What a pass says; None where it is not ours or too old."""
        body, dot, signature = text.partition(".")
        if not dot or len(text) > LARGEST or not hmac.compare_digest(self._sign(body).encode(), signature.encode()):
            return None
        person, token, salt, made = json.loads(base64.urlsafe_b64decode(body + "==="))
        return SessionCookie(person, token, salt) if made + LASTS > self._clock() else None

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()


def key(folder: Path) -> bytes:
    """This installation's key, made at the first need: passes outlive a restart."""
    path = folder / "cookie.key"
    if not path.exists():
        private(path, secrets.token_bytes(32))
    try:
        found = path.read_bytes()
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read.", "Remove it; people then need their link again.") from error
    if len(found) != 32:
        raise StorageFailed(f"{path} is damaged.", "Remove it; people then need their link again.")
    return found
