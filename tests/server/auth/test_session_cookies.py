"""Session cookies: they are signed, cannot be forged, and expire."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.errors import StorageFailed
from server.auth.session_cookies import LIFETIME, SessionCookie, SessionCookies, load_key

COOKIES = SessionCookies(b"k" * 32)


def test_a_cookie_holds_a_new_person_and_the_token_they_signed_in_with() -> None:
    first, second = (COOKIES.read(COOKIES.issue("lab", "salt")) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.token, first.salt) == ("lab", "salt")
    assert first.person != second.person


def test_a_cookie_expires() -> None:
    now = [1000.0]
    cookies = SessionCookies(b"k" * 32, lambda: now[0])
    cookie = cookies.issue("lab", "salt")
    now[0] += LIFETIME - 1
    assert isinstance(cookies.read(cookie), SessionCookie)
    now[0] += 2
    assert cookies.read(cookie) is None


def test_a_cookie_signed_with_another_key_is_refused() -> None:
    assert SessionCookies(b"x" * 32).read(COOKIES.issue("lab", "salt")) is None


def test_a_cookie_with_changed_content_time_or_signature_is_refused() -> None:
    body, time, signature = COOKIES.issue("lab", "salt").split(".")
    payload = json.loads(base64.urlsafe_b64decode(body + "==="))
    payload[1] = "admin"
    forged = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    later = time[:-1] + ("A" if time[-1] != "A" else "B")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert COOKIES.read(f"{body}.{time}.{signature}") is not None
    for cookie in (f"{forged}.{time}.{signature}", f"{body}.{later}.{signature}", f"{body}.{time}.{other}"):
        assert COOKIES.read(cookie) is None


@given(st.text(max_size=200))
def test_no_arbitrary_text_is_a_valid_cookie(text: str) -> None:
    assert COOKIES.read(text) is None


def test_the_key_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    key = load_key(tmp_path / "access")
    assert len(key) == 32
    assert load_key(tmp_path / "access") == key
    assert stat.S_IMODE((tmp_path / "access" / "cookie.key").stat().st_mode) == 0o600
    (tmp_path / "access" / "cookie.key").write_bytes(b"short")
    with pytest.raises(StorageFailed, match="damaged"):
        load_key(tmp_path / "access")
