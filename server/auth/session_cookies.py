"""Session cookies: signed, so that a restarted server knows its people without remembering them."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from latentwalk.errors import StorageFailed
from server.auth.tokens import write_private

LIFETIME = 30 * 24 * 3600  # seconds
LARGEST = 512  # characters
PURPOSE = "latentwalk session"  # keeps these signatures apart from any others made with the same key


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """A random person id, the name of the token that the person signed in with, and that token's salt.

    The salt tells a token from a later one with the same name.
    """

    person: str
    token: str
    salt: str


class SessionCookies:
    """Issues and verifies session cookies, signed with HMAC-SHA-256 under one secret key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock())

        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        self._serializer = URLSafeTimedSerializer(key, PURPOSE, signer=Signer, signer_kwargs=options)

    def issue(self, token: str, salt: str) -> str:
        """A cookie for a new person."""
        return str(self._serializer.dumps([secrets.token_hex(8), token, salt]))

    def read(self, text: str) -> SessionCookie | None:
        """The content of a cookie; None when it was not signed with this key or is too old."""
        if len(text) > LARGEST:
            return None
        try:
            return SessionCookie(*self._serializer.loads(text, max_age=LIFETIME))
        except (BadData, UnicodeError):
            return None


def cookie_value(header: str, name: str) -> str:
    """The value of a cookie in a Cookie header, "" if it is not there.

    Our values need no quotes, so none are removed: `http.cookies`, of Pythons without its security fix, takes a time
    for that which is quadratic in the length of a header that anybody can send.
    """
    for pair in header.split(";"):
        key, _, value = pair.partition("=")
        if key.strip() == name:
            return value.strip()
    return ""


def load_key(folder: Path) -> bytes:
    """The key of this installation, created on first use and stored so that cookies survive a restart."""
    path = folder / "cookie.key"
    if not path.exists():
        write_private(path, secrets.token_bytes(32))
    try:
        key = path.read_bytes()
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read.", "Delete it; everyone then has to sign in again.") from error
    if len(key) != 32:
        raise StorageFailed(f"{path} is damaged.", "Delete it; everyone then has to sign in again.")
    return key
