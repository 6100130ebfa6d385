"""Tokens: how they are made, kept as hashes alone, and told from guesses."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from latentwalk.errors import Conflict, Invalid, NotFound, StorageFailed
from models import atomic_files
from server.auth.roles import Role

SHORTEST = 16  # characters of a token that somebody chose
LONGEST = 256
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
COST = {"n": 2**14, "r": 8, "p": 1}  # scrypt's: 16 MiB and tens of milliseconds a guess


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token: everything but the token."""

    name: str
    role: Role
    salt: str
    hash: str
    created: str

    def fits(self, secret: str) -> bool:
        """Whether `secret` is the token. Takes tens of milliseconds: keep it off the event loop."""
        return hmac.compare_digest(_hash(secret, self.salt), self.hash)


def made(name: str, role: Role, secret: str) -> Token:
    """The record of a token; Invalid where it is too short to be one."""
    if not SHORTEST <= len(secret) <= LONGEST or not secret.isprintable() or " " in secret:
        raise Invalid(
            f"A token has {SHORTEST} to {LONGEST} characters and no spaces.",
            "Leave LATENTWALK_TOKEN out and one is made, or let `latentwalk token add` make one.",
        )
    salt = secrets.token_hex(16)
    return Token(name, role, salt, _hash(secret, salt), datetime.now(UTC).isoformat(timespec="seconds"))


def fresh() -> str:
    """A new token of 192 random bits, safe in a link."""
    return secrets.token_urlsafe(24)


class TokenStore:
    """The tokens in `folder`, read anew whenever their file has changed, so that one taken back is refused at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tokens.json"
        self._stamp: tuple[int, int] | None = None
        self._tokens: Mapping[str, Token] = {}

    def all(self) -> Mapping[str, Token]:
        """Every token by its name; StorageFailed where the file is damaged, for then nobody knows who may come in."""
        stamp = _stamp(self._path)
        if stamp is None:
            self._tokens = {}
        elif stamp != self._stamp:
            try:
                rows = json.loads(self._path.read_text())
                self._tokens = {row["name"]: Token(**{**row, "role": Role(row["role"])}) for row in rows}
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise StorageFailed(
                    f"{self._path} cannot be read.", "Remove it and hand out new tokens with `latentwalk token add`."
                ) from error
        self._stamp = stamp
        return self._tokens

    def add(self, name: str, role: Role) -> str:
        """Make a token and keep its hash; what is returned is shown once and never again."""
        if not NAME.fullmatch(name):
            raise Invalid(f"“{name[:40]}” is not a name for a token.", "Use up to 32 of a to z, 0 to 9, - and _.")
        found = dict(self.all())
        if name in found:
            raise Conflict(f"There is a token “{name}” already.", "Take it back first, or choose another name.")
        secret = fresh()
        self._write({**found, name: made(name, role, secret)})
        return secret

    def remove(self, name: str) -> None:
        """Take a token back: whoever came in with it is out with their next request."""
        found = dict(self.all())
        if found.pop(name, None) is None:
            raise NotFound(f"There is no token “{name[:40]}”.", "`latentwalk token list` shows those there are.")
        self._write(found)

    def _write(self, found: Mapping[str, Token]) -> None:
        private(self._path, json.dumps([asdict(token) for token in found.values()], indent=1).encode())


def private(path: Path, data: bytes) -> None:
    """Put `data` at `path` for nobody but the one who runs this."""
    atomic_files.write(path, data)
    try:
        os.chmod(path.parent, 0o700)
        os.chmod(path, 0o600)
    except OSError as error:
        raise atomic_files.storage_error(path, error) from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _hash(secret: str, salt: str) -> str:
    return hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), dklen=32, **COST).hex()
