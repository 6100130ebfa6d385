"""The authenticator: open on a loopback address, and closed to everyone without a token on any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentwalk.errors import Invalid
from server.auth import authenticator as authenticators
from server.auth.roles import Role
from server.auth.tokens import Token, TokenStore
from server.settings import Settings

SECRET = "a-token-that-was-set"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_loopback_address_needs_no_token(host: str, home: Path) -> None:
    authenticator = authenticators.build(Settings(home=home, host=host))
    assert authenticator.open
    assert not (home / "access").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "studio.example", "127.0.0.1.evil.example"])
async def test_any_other_address_needs_a_token_which_is_generated_for_the_run(host: str, home: Path) -> None:
    authenticator = authenticators.build(Settings(home=home, host=host))
    assert not authenticator.open
    assert len(authenticator.link) >= 32
    assert await authenticator.sign_in("wrong") is None
    cookie = await authenticator.sign_in(authenticator.link)
    assert cookie is not None
    person = authenticator.person(cookie)
    assert person is not None
    assert person.role is Role.ADMIN
    assert authenticator.link not in "".join(path.read_text("latin-1") for path in (home / "access").iterdir())


def test_a_further_host_name_needs_a_token(home: Path) -> None:
    assert not authenticators.build(Settings(home=home, allowed_hosts=("studio.example",))).open
    assert authenticators.build(Settings(home=home, allowed_hosts=("localhost",))).open


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3"])
def test_an_empty_token_is_refused_on_any_other_address(host: str, home: Path) -> None:
    with pytest.raises(Invalid, match="let everyone on the network in"):
        authenticators.build(Settings(home=home, host=host, token=""))
    assert authenticators.build(Settings(home=home, token="")).open


async def test_a_token_from_the_settings_is_required_even_on_a_loopback_address(home: Path) -> None:
    authenticator = authenticators.build(Settings(home=home, token=SECRET))
    assert (authenticator.open, authenticator.link) == (False, "")
    assert authenticator.person(await authenticator.sign_in(SECRET) or "") is not None
    with pytest.raises(Invalid, match="16 to 256"):
        authenticators.build(Settings(home=home, token="short"))


async def test_a_stored_token_grants_its_role_until_it_is_revoked(home: Path) -> None:
    store = TokenStore(home / "access")
    secret = store.add("lab", Role.EDITOR)
    authenticator = authenticators.build(Settings(home=home))
    assert (authenticator.open, authenticator.link) == (False, "")
    cookie = await authenticator.sign_in(secret) or ""
    bearer = await authenticator.bearer(secret)
    person = authenticator.person(cookie)
    assert bearer is not None
    assert person is not None
    assert (person.role, person.by, bearer.role, bearer.by) == (Role.EDITOR, "lab", Role.EDITOR, "lab")
    store.remove("lab")
    assert authenticator.person(cookie) is None
    assert await authenticator.bearer(secret) is None
    store.add("lab", Role.ADMIN)
    assert authenticator.person(cookie) is None  # the name is the same, the token is another
    assert await authenticator.bearer(secret) is None


async def test_a_cookie_survives_a_restart_unless_its_token_was_generated_for_the_run(home: Path) -> None:
    secret = TokenStore(home / "access").add("lab", Role.VIEWER)
    cookie = await authenticators.build(Settings(home=home)).sign_in(secret)
    assert authenticators.build(Settings(home=home)).person(cookie or "") is not None
    TokenStore(home / "access").remove("lab")
    first = authenticators.build(Settings(home=home, host="0.0.0.0"))
    cookie = await first.sign_in(first.link)
    assert first.person(cookie or "") is not None
    assert authenticators.build(Settings(home=home, host="0.0.0.0")).person(cookie or "") is None


async def test_the_slow_hash_is_computed_once_for_a_valid_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of_guest = TokenStore(home / "access").add("guest", Role.VIEWER)
    authenticator = authenticators.build(Settings(home=home))
    hashed: list[str] = []
    fits = Token.fits
    monkeypatch.setattr(Token, "fits", lambda token, secret: bool(hashed.append(secret)) or fits(token, secret))
    for secret in (secret_of_guest, secret_of_guest, "wrong", "wrong", secret_of_guest):
        assert (await authenticator.bearer(secret) is not None) is (secret == secret_of_guest)
    assert hashed == [secret_of_guest, "wrong", "wrong"]
    assert await authenticator.bearer("x" * 10_000) is None
    assert len(hashed) == 3
