"""Tokens: only their hashes are kept, and one that was taken back is nobody's."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from latentwalk.errors import Conflict, Invalid, NotFound, StorageFailed
from server.auth.roles import Role
from server.auth.tokens import SHORTEST, TokenStore, fresh, made


def test_a_token_fits_its_record_and_no_other_does() -> None:
    secret = fresh()
    token = made("lab", Role.EDITOR, secret)
    assert token.fits(secret)
    assert not token.fits(secret[:-1])
    assert not token.fits(fresh())
    assert secret not in repr(token)


def test_the_same_token_is_hashed_differently_each_time() -> None:
    assert made("a", Role.VIEWER, "x" * SHORTEST).hash != made("b", Role.VIEWER, "x" * SHORTEST).hash


@pytest.mark.parametrize("secret", ["", "short", "x" * (SHORTEST - 1), "x" * 257, "a space " * 3, "new\nline" * 4])
def test_what_is_too_easy_to_guess_or_cannot_stand_in_a_link_is_refused(secret: str) -> None:
    with pytest.raises(Invalid, match="16 to 256"):
        made("set", Role.ADMIN, secret)


def test_a_kept_token_is_in_no_file_and_its_file_is_nobody_elses(tmp_path: Path) -> None:
    kept = TokenStore(tmp_path / "access")
    secret = kept.add("lab", Role.EDITOR)
    [file] = list((tmp_path / "access").iterdir())
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert kept.all()["lab"].role is Role.EDITOR
    assert kept.all()["lab"].fits(secret)


def test_what_another_process_adds_or_takes_back_is_seen_at_once(tmp_path: Path) -> None:
    here, there = TokenStore(tmp_path), TokenStore(tmp_path)
    assert here.all() == {}
    there.add("lab", Role.VIEWER)
    assert list(here.all()) == ["lab"]
    there.remove("lab")
    assert here.all() == {}


def test_a_name_is_given_once_and_means_something(tmp_path: Path) -> None:
    kept = TokenStore(tmp_path)
    kept.add("lab", Role.VIEWER)
    with pytest.raises(Conflict, match="lab"):
        kept.add("lab", Role.ADMIN)
    for name in ("", "Lab", "../lab", "a b", "x" * 33):
        with pytest.raises(Invalid, match="name"):
            kept.add(name, Role.VIEWER)
    with pytest.raises(NotFound, match="other"):
        kept.remove("other")


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    kept = TokenStore(tmp_path)
    for text in ("{", "[1]", '[{"name": "a"}]', '[{"name":"a","role":"king","salt":"","hash":"","created":""}]'):
        (tmp_path / "tokens.json").write_text(text)
        with pytest.raises(StorageFailed, match="cannot be read"):
            kept.all()


def test_each_role_covers_those_before_it() -> None:
    assert [[one.covers(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
