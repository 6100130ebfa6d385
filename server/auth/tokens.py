"""Access tokens: how they are generated, stored as hashes only, and verified."""

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

SHORTEST = 16  # characters of a token that an operator chose
LONGEST = 256
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
COST = {"n": 2**14, "r": 8, "p": 1}  # scrypt parameters: 16 MiB and tens of milliseconds per guess


@dataclass(frozen=True, slots=True)
class Token:
    """The stored record of a token: everything except the secret itself."""

    name: str
    role: Role
    salt: str
    hash: str
    created: str

    def fits(self, secret: str) -> bool:
        """Whether `secret` is this token. It takes tens of milliseconds; do not call it on the event loop."""
        return hmac.compare_digest(_hash(secret, self.salt), self.hash)


def new_token(name: str, role: Role, secret: str) -> Token:
    """The record of a secret; Invalid when it is too short or too long, or contains spaces."""
    if not SHORTEST <= len(secret) <= LONGEST or not secret.isprintable() or " " in secret:
        raise Invalid(
            f"A token has {SHORTEST} to {LONGEST} characters and no spaces.",
            "Leave LATENTWALK_TOKEN out to have one generated, or generate one with `latentwalk token add`.",
        )
    salt = secrets.token_hex(16)
    return Token(name, role, salt, _hash(secret, salt), datetime.now(UTC).isoformat(timespec="seconds"))


def new_secret() -> str:
    """A new secret of 192 random bits, in characters that are safe in a URL."""
    return secrets.token_urlsafe(24)


class TokenStore:
    """The tokens in `folder`. The file is read again after each change, so that a revoked token is refused at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tokens.json"
        self._stamp: tuple[int, int] | None = None
        self._tokens: Mapping[str, Token] = {}

    def all(self) -> Mapping[str, Token]:
        """Every token by name; StorageFailed when the file is damaged, since then no request can be authenticated."""
        stamp = _stamp(self._path)
        if stamp is None:
            self._tokens = {}
        elif stamp != self._stamp:
            try:
                rows = json.loads(self._path.read_text())
                self._tokens = {row["name"]: Token(**{**row, "role": Role(row["role"])}) for row in rows}
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise StorageFailed(
                    f"{self._path} cannot be read.", "Delete it and create new tokens with `latentwalk token add`."
                ) from error
        self._stamp = stamp
        return self._tokens

    def add(self, name: str, role: Role) -> str:
        """Create a token and store its hash. The secret that is returned cannot be recovered later."""
        if not NAME.fullmatch(name):
            raise Invalid(f"“{name[:40]}” is not a token name.", "Use up to 32 characters of a-z, 0-9, - and _.")
        tokens = dict(self.all())
        if name in tokens:
            raise Conflict(f"There is a token “{name}” already.", "Revoke it first, or choose another name.")
        secret = new_secret()
        self._write({**tokens, name: new_token(name, role, secret)})
        return secret

    def remove(self, name: str) -> None:
        """Revoke a token: requests of the person signed in with it are refused from now on."""
        tokens = dict(self.all())
        if tokens.pop(name, None) is None:
            raise NotFound(f"There is no token “{name[:40]}”.", "`latentwalk token list` lists the existing ones.")
        self._write(tokens)

    def _write(self, tokens: Mapping[str, Token]) -> None:
        write_private(self._path, json.dumps([asdict(token) for token in tokens.values()], indent=1).encode())


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only the user who runs the server can read."""
    atomic_files.write(path, data)
    try:
        os.chmod(path.parent, 0o700)
        os.chmod(path, 0o600)
    except OSError as error:
        raise atomic_files.storage_error(path, error) from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino


def _hash(secret: str, salt: str) -> str:
    return hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), dklen=32, **COST).hex()
