"""Access tokens: only their hashes are stored, and a revoked one is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from latentwalk.errors import Conflict, Invalid, NotFound, StorageFailed
from server.auth.roles import Role
from server.auth.tokens import SHORTEST, TokenStore, new_secret, new_token


def test_only_the_right_secret_fits_a_token() -> None:
    secret = new_secret()
    token = new_token("lab", Role.EDITOR, secret)
    assert token.fits(secret)
    assert not token.fits(secret[:-1])
    assert not token.fits(new_secret())
    assert secret not in repr(token)


def test_the_same_token_is_hashed_differently_each_time() -> None:
    assert new_token("a", Role.VIEWER, "x" * SHORTEST).hash != new_token("b", Role.VIEWER, "x" * SHORTEST).hash


@pytest.mark.parametrize("secret", ["", "short", "x" * (SHORTEST - 1), "x" * 257, "a space " * 3, "new\nline" * 4])
def test_a_secret_that_is_too_short_too_long_or_not_safe_in_a_link_is_refused(secret: str) -> None:
    with pytest.raises(Invalid, match="16 to 256"):
        new_token("set", Role.ADMIN, secret)


def test_the_secret_is_stored_nowhere_and_the_file_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "access")
    secret = store.add("lab", Role.EDITOR)
    [file] = list((tmp_path / "access").iterdir())
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert store.all()["lab"].role is Role.EDITOR
    assert store.all()["lab"].fits(secret)


def test_a_token_added_or_revoked_by_another_process_is_noticed_at_once(tmp_path: Path) -> None:
    here, there = TokenStore(tmp_path), TokenStore(tmp_path)
    assert here.all() == {}
    there.add("lab", Role.VIEWER)
    assert list(here.all()) == ["lab"]
    there.remove("lab")
    assert here.all() == {}


def test_duplicate_malformed_and_unknown_names_are_refused(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    store.add("lab", Role.VIEWER)
    with pytest.raises(Conflict, match="lab"):
        store.add("lab", Role.ADMIN)
    for name in ("", "Lab", "../lab", "a b", "x" * 33):
        with pytest.raises(Invalid, match="name"):
            store.add(name, Role.VIEWER)
    with pytest.raises(NotFound, match="other"):
        store.remove("other")


def test_a_damaged_file_authenticates_nobody(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    for text in ("{", "[1]", '[{"name": "a"}]', '[{"name":"a","role":"king","salt":"","hash":"","created":""}]'):
        (tmp_path / "tokens.json").write_text(text)
        with pytest.raises(StorageFailed, match="cannot be read"):
            store.all()


def test_each_role_includes_those_before_it() -> None:
    assert [[one.covers(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
