"""Decides who a request comes from: whether this server asks for a token, which ones exist, and whose cookie it is."""

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
from server.auth.session_cookies import SessionCookies, load_key
from server.auth.tokens import Token, TokenStore
from server.settings import Settings

RUN_TOKEN = "link"  # the name of the token that is generated for one run
SET_TOKEN = "set"  # the name of the token from the settings
MAX_VERIFIED = 256


@dataclass(slots=True, eq=False)
class Authenticator:
    """Authenticates people. An `open` one asks for no token; it is only built for a loopback address.

    `link` is the token that was generated for this run, to be printed once; "" when there is none.
    """

    open: bool
    cookies: SessionCookies
    store: TokenStore
    fixed: Mapping[str, Token] = field(default_factory=dict)
    link: str = ""
    _verified: dict[str, tuple[str, str]] = field(default_factory=dict)

    def tokens(self) -> Mapping[str, Token]:
        """Every token that is valid now, by name."""
        return {**self.store.all(), **self.fixed}

    def anonymous_cookie(self) -> str:
        """A cookie for an open server, which only tells one browser from another."""
        return self.cookies.issue("", "")

    async def sign_in(self, secret: str) -> str | None:
        """A cookie for the bearer of this token; None when it is not valid."""
        token = await self._token(secret)
        return None if token is None else self.cookies.issue(token.name, token.salt)

    async def bearer(self, secret: str) -> Person | None:
        """The person behind a token in an Authorization header; None when it is not valid."""
        token = await self._token(secret)
        return None if token is None else Person(f"token-{token.name}", token.role, token.name)

    def person(self, cookie: str) -> Person | None:
        """The person behind a cookie; None when it is forged or too old, or its token was revoked."""
        session = self.cookies.read(cookie)
        if session is None:
            return None
        if self.open:
            return Person(session.person, Role.ADMIN)
        token = self.tokens().get(session.token)
        if token is None or token.salt != session.salt:
            return None
        return Person(session.person, token.role, token.name)

    async def _token(self, secret: str) -> Token | None:
        if self.open or not secret or len(secret) > tokens.LONGEST:
            return None
        digest = hashlib.sha256(secret.encode(errors="replace")).hexdigest()
        valid = self.tokens()
        name, salt = self._verified.get(digest, ("", ""))
        if name in valid and valid[name].salt == salt:  # the slow hash is computed once per valid token
            return valid[name]
        for token in valid.values():
            if await asyncio.to_thread(token.fits, secret):
                if len(self._verified) >= MAX_VERIFIED:
                    self._verified.clear()
                self._verified[digest] = (token.name, token.salt)
                return token
        return None


def build(settings: Settings) -> Authenticator:
    """The authenticator for `settings`; Invalid when they would let everyone on a network in."""
    folder = settings.home / "access"
    store = TokenStore(folder)
    secret = None if settings.token is None else settings.token.get_secret_value()
    if not secret and not store.all() and is_local_only(settings):
        return Authenticator(True, SessionCookies(secrets.token_bytes(32)), store)
    if secret == "" and not store.all():
        raise Invalid(
            f"Listening on {settings.host} without a token would let everyone on the network in.",
            "Leave LATENTWALK_TOKEN out to have a link with a token printed, or listen on 127.0.0.1.",
        )
    authenticator = Authenticator(False, SessionCookies(load_key(folder)), store)
    if secret:
        return replace(authenticator, fixed={SET_TOKEN: tokens.new_token(SET_TOKEN, Role.ADMIN, secret)})
    if store.all():
        return authenticator
    secret = tokens.new_secret()
    return replace(authenticator, link=secret, fixed={RUN_TOKEN: tokens.new_token(RUN_TOKEN, Role.ADMIN, secret)})


def is_local_only(settings: Settings) -> bool:
    """Whether only this machine can reach the server. A further host name means that a proxy lets others reach it."""
    return all(is_loopback(name) for name in (settings.host, *settings.allowed_hosts))


def is_loopback(name: str) -> bool:
    """Whether an address or host name is a loopback address."""
    try:
        return ipaddress.ip_address(name.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return name.lower() == "localhost"
