"""The gate: open on this machine alone, closed to everybody without a token anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentwalk.errors import Invalid
from server.auth import authenticator as gates
from server.auth.roles import Role
from server.auth.tokens import Token, TokenStore
from server.settings import Settings

SECRET = "a-token-that-was-set"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machines_own_address_needs_no_token(host: str, home: Path) -> None:
    gate = gates.build(Settings(home=home, host=host))
    assert gate.open
    assert not (home / "access").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "studio.example", "127.0.0.1.evil.example"])
async def test_any_other_address_gets_a_token_for_this_run(host: str, home: Path) -> None:
    gate = gates.build(Settings(home=home, host=host))
    assert not gate.open
    assert len(gate.link) >= 32
    assert await gate.admit("wrong") is None
    made = await gate.admit(gate.link)
    assert made is not None
    found = gate.person(made)
    assert found is not None
    assert found.role is Role.ADMIN
    assert gate.link not in "".join(path.read_text("latin-1") for path in (home / "access").iterdir())


def test_a_further_name_means_somebody_elses_way_in(home: Path) -> None:
    assert not gates.build(Settings(home=home, allowed_hosts=("studio.example",))).open
    assert gates.build(Settings(home=home, allowed_hosts=("localhost",))).open


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3"])
def test_without_a_token_nobody_else_is_listened_to(host: str, home: Path) -> None:
    with pytest.raises(Invalid, match="let everybody on the network in"):
        gates.build(Settings(home=home, host=host, token=""))
    assert gates.build(Settings(home=home, token="")).open


async def test_a_token_that_was_set_is_asked_for_even_on_this_machine(home: Path) -> None:
    gate = gates.build(Settings(home=home, token=SECRET))
    assert (gate.open, gate.link) == (False, "")
    assert gate.person(await gate.admit(SECRET) or "") is not None
    with pytest.raises(Invalid, match="16 to 256"):
        gates.build(Settings(home=home, token="short"))


async def test_tokens_handed_out_give_their_role_until_they_are_taken_back(home: Path) -> None:
    kept = TokenStore(home / "access")
    secret = kept.add("lab", Role.EDITOR)
    gate = gates.build(Settings(home=home))
    assert (gate.open, gate.link) == (False, "")
    made = await gate.admit(secret) or ""
    bearer = await gate.bearer(secret)
    found = gate.person(made)
    assert bearer is not None
    assert found is not None
    assert (found.role, found.by, bearer.role, bearer.by) == (Role.EDITOR, "lab", Role.EDITOR, "lab")
    kept.remove("lab")
    assert gate.person(made) is None
    assert await gate.bearer(secret) is None
    kept.add("lab", Role.ADMIN)
    assert gate.person(made) is None  # the name is the same, the token is another
    assert await gate.bearer(secret) is None


async def test_passes_outlive_a_restart_but_not_the_token_made_for_a_run(home: Path) -> None:
    secret = TokenStore(home / "access").add("lab", Role.VIEWER)
    made = await gates.build(Settings(home=home)).admit(secret)
    assert gates.build(Settings(home=home)).person(made or "") is not None
    TokenStore(home / "access").remove("lab")
    first = gates.build(Settings(home=home, host="0.0.0.0"))
    made = await first.admit(first.link)
    assert first.person(made or "") is not None
    assert gates.build(Settings(home=home, host="0.0.0.0")).person(made or "") is None


async def test_hashing_slowly_is_done_once_for_whoever_is_right(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gates.build(Settings(home=home, token=SECRET))
    asked: list[str] = []
    fits = Token.fits
    monkeypatch.setattr(Token, "fits", lambda token, secret: bool(asked.append(secret)) or fits(token, secret))
    for secret in (SECRET, SECRET, "wrong", "wrong", SECRET):
        assert (await gate.bearer(secret) is not None) is (secret == SECRET)
    assert asked == [SECRET, "wrong", "wrong"]
    assert await gate.bearer("x" * 10_000) is None
    assert len(asked) == 3
