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
from server.auth.roles import Person, Role, address_account, person_id, token_account
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
        return None if token is None else Person(token_account(token.name), token.role, token.name)

    def verified(self, secret: str) -> Person | None:
        """The person behind a token that was found valid before and still is; None for any other. It is quick."""
        token = None if self.open else self._known_token(secret)
        return None if token is None else Person(token_account(token.name), token.role, token.name)

    def person(self, cookie: str, address: str = "") -> Person | None:
        """The person behind a cookie from `address`; None when it is forged or too old, or its token was revoked."""
        session = self.cookies.read(cookie)
        if session is None:
            return None
        if self.open:
            return Person(person_id(address_account(address), session.person), Role.ADMIN)
        token = self.tokens().get(session.token)
        if token is None or token.salt != session.salt:
            return None
        return Person(person_id(token_account(token.name), session.person), token.role, token.name)

    async def _token(self, secret: str) -> Token | None:
        if self.open or not secret or len(secret) > tokens.LONGEST:
            return None
        if known := self._known_token(secret):  # the slow hash is computed once per valid token
            return known
        for token in self.tokens().values():
            if await asyncio.to_thread(token.fits, secret):
                self.remember(token, secret)
                return token
        return None

    def remember(self, token: Token, secret: str) -> None:
        """Recognise this secret as this token from now on, without computing the slow hash."""
        if len(self._verified) >= MAX_VERIFIED:
            self._verified.clear()
        self._verified[_digest(secret)] = (token.name, token.salt)

    def _known_token(self, secret: str) -> Token | None:
        if len(secret) > tokens.LONGEST:
            return None
        name, salt = self._verified.get(_digest(secret), ("", ""))
        token = self.tokens().get(name)
        return token if token is not None and token.salt == salt else None


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
        return _with_fixed_token(authenticator, SET_TOKEN, secret)
    if store.all():
        return authenticator
    secret = tokens.new_secret()
    return replace(_with_fixed_token(authenticator, RUN_TOKEN, secret), link=secret)


def _with_fixed_token(authenticator: Authenticator, name: str, secret: str) -> Authenticator:
    token = tokens.new_token(name, Role.ADMIN, secret)
    authenticator = replace(authenticator, fixed={name: token})
    authenticator.remember(token, secret)
    return authenticator


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def is_local_only(settings: Settings) -> bool:
    """Whether only this machine can reach the server. A further host name means that a proxy lets others reach it."""
    return all(is_loopback(name) for name in (settings.host, *map(without_port, settings.allowed_hosts)))


def without_port(host: str) -> str:
    """A host name or address without its port, if it has one."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and (":" not in name or name.endswith("]")) else host


def is_loopback(name: str) -> bool:
    """Whether an address or host name is a loopback address."""
    try:
        return ipaddress.ip_address(name.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return name.lower() == "localhost"
