"""Passes: a browser keeps one, nobody can make one up, and it ends."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.errors import StorageFailed
from server.auth.session_cookies import LASTS, SessionCookie, SessionCookies, key

PASSES = SessionCookies(b"k" * 32)


def test_a_pass_says_who_came_with_which_token() -> None:
    first, second = (PASSES.read(PASSES.make("lab", "salt")) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.token, first.salt) == ("lab", "salt")
    assert first.person != second.person


def test_a_pass_ends() -> None:
    now = [1000.0]
    passes = SessionCookies(b"k" * 32, lambda: now[0])
    made = passes.make("lab", "salt")
    now[0] += LASTS - 1
    assert isinstance(passes.read(made), SessionCookie)
    now[0] += 2
    assert passes.read(made) is None


def test_a_pass_of_another_key_is_nobodys() -> None:
    assert SessionCookies(b"x" * 32).read(PASSES.make("lab", "salt")) is None


def test_a_pass_whose_words_were_changed_is_nobodys() -> None:
    body, _, signature = PASSES.make("lab", "salt").partition(".")
    payload = json.loads(base64.urlsafe_b64decode(body + "==="))
    payload[1] = "admin"
    forged = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    assert PASSES.read(f"{forged}.{signature}") is None
    assert PASSES.read(f"{body}.{signature[:-1]}{'1' if signature.endswith('0') else '0'}") is None


@given(st.text(max_size=200))
def test_no_text_is_a_pass_by_chance(text: str) -> None:
    assert PASSES.read(text) is None


def test_the_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    made = key(tmp_path / "access")
    assert len(made) == 32
    assert key(tmp_path / "access") == made
    assert stat.S_IMODE((tmp_path / "access" / "cookie.key").stat().st_mode) == 0o600
    (tmp_path / "access" / "cookie.key").write_bytes(b"short")
    with pytest.raises(StorageFailed, match="damaged"):
        key(tmp_path / "access")
