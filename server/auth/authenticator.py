"""The gate: whether this server asks for a token, who holds one, and who they are."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from latentwalk.errors import Invalid
from server.auth import tokens
from server.auth.roles import Person, Role
from server.auth.session_cookies import SessionCookies, key
from server.auth.tokens import Token, TokenStore
from server.settings import Settings

THIS_RUN = "link"  # the name of the token that is made for one run
SET = "set"  # the name of the one that the operator chose
MOST_KNOWN = 256


@dataclass(slots=True, eq=False)
class Authenticator:
    """Lets people in. An open gate asks for no token and stands only on this machine's own address."""

    open: bool
    passes: SessionCookies
    kept: TokenStore
    fixed: Mapping[str, Token] = field(default_factory=dict)
    link: str = ""  # the token made for this run, for the line that is printed once; empty where there is none
    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def tokens(self) -> Mapping[str, Token]:
        """Every token that lets somebody in now."""
        return {**self.kept.all(), **self.fixed}

    def enter(self) -> str:
        """A pass into an open server, which only tells one browser from another."""
        return self.passes.make("", "")

    async def admit(self, secret: str) -> str | None:
        """A pass for whoever holds this token; None where it is none."""
        token = await self._token(secret)
        return None if token is None else self.passes.make(token.name, token.salt)

    async def bearer(self, secret: str) -> Person | None:
        """The person behind a token that a program sends along; None where it is none."""
        token = await self._token(secret)
        return None if token is None else Person(f"token-{token.name}", token.role, token.name)

    def person(self, cookie: str) -> Person | None:
        """The person a pass was made for; None where it is not ours, too old, or its token was taken back."""
        found = self.passes.read(cookie)
        if found is None:
            return None
        if self.open:
            return Person(found.person, Role.ADMIN)
        token = self.tokens().get(found.token)
        if token is None or token.salt != found.salt:
            return None
        return Person(found.person, token.role, token.name)

    async def _token(self, secret: str) -> Token | None:
        if self.open or not secret or len(secret) > tokens.LONGEST:
            return None
        digest = hashlib.sha256(secret.encode(errors="replace")).hexdigest()
        found = self.tokens()
        name, salt = self._known.get(digest, ("", ""))
        if name in found and found[name].salt == salt:  # hashing slowly once is enough for those who were right
            return found[name]
        for token in found.values():
            if await asyncio.to_thread(token.fits, secret):
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[digest] = (token.name, token.salt)
                return token
        return None


def build(settings: Settings) -> Authenticator:
    """The gate that `settings` ask for; Invalid where they would let anybody on a network in."""
    folder = settings.home / "access"
    kept = TokenStore(folder)
    chosen = None if settings.token is None else settings.token.get_secret_value()
    near = is_near(settings)
    if not chosen and not kept.all() and near:
        return Authenticator(True, SessionCookies(secrets.token_bytes(32)), kept)
    if chosen == "" and not kept.all():
        raise Invalid(
            f"Listening on {settings.host} without a token would let everybody on the network in.",
            "Leave LATENTWALK_TOKEN out and a link with a token is printed, or listen on 127.0.0.1.",
        )
    gate = Authenticator(False, SessionCookies(key(folder)), kept)
    if chosen:
        return replace(gate, fixed={SET: tokens.made(SET, Role.ADMIN, chosen)})
    if kept.all():
        return gate
    secret = tokens.fresh()
    return replace(gate, link=secret, fixed={THIS_RUN: tokens.made(THIS_RUN, Role.ADMIN, secret)})


def is_near(settings: Settings) -> bool:
    """Whether the page can be reached from this machine alone; a further name means somebody else's way in."""
    return all(is_loopback(name) for name in (settings.host, *settings.allowed_hosts))


def is_loopback(name: str) -> bool:
    """Whether an address or name is this machine's own."""
    try:
        return ipaddress.ip_address(name.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return name.lower() == "localhost"
