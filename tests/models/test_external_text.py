"""Text from outside: what is refused, and what people write in their languages and is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.external_text import check_json, fault, several_lines, single_line

HOSTILE = {
    "\ud800": "half of a surrogate pair (U+D800)",
    "ok\udfff": "half of a surrogate pair (U+DFFF)",
    "\0": "a control character (U+0000)",
    "\x1b[2J": "a control character (U+001B)",
    "\u009b31m": "a control character (U+009B)",
    "gpj.\u202eexe": "a character that changes the direction of text (U+202E)",
    "\u2066x\u2069": "a character that changes the direction of text (U+2066)",
    "a\u2028b": "a control character (U+2028)",
}
FINE = ["", "Größe", "e\u0301", "שלום", "مرحبا \u200fabc", "日本語", "👩\u200d🎨", "a\u00a0b"]


@pytest.mark.parametrize(("text", "reason"), HOSTILE.items())
def test_what_cannot_be_sent_or_would_mislead_is_named(text: str, reason: str) -> None:
    assert fault(text) == fault(text, lines=True) == reason
    with pytest.raises(ValueError, match="it holds"):
        single_line(text)


@pytest.mark.parametrize("text", FINE)
def test_every_script_and_emoji_is_fine(text: str) -> None:
    assert single_line(text) == several_lines(text) == text


def test_only_descriptions_have_several_lines() -> None:
    assert fault("a\nb\tc") == "a control character (U+000A)"
    assert several_lines("a\nb\tc") == "a\nb\tc"


@given(st.text(st.characters()))
def test_a_text_that_passes_can_be_sent_and_read_back(text: str) -> None:
    if not fault(text, lines=True):
        assert text.encode().decode() == text
        assert json.loads(json.dumps(text, ensure_ascii=False).encode()) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": ["b", {"c\ud800": 1}]}, "surrogate"),
        ({"a": [["\u202e"]]}, "direction of text"),
        ({"a": float("nan")}, "not finite"),
        (json.loads("[" * 9 + "]" * 9), "nested more than 8 deep"),
    ],
)
def test_json_is_checked_in_its_names_and_at_every_depth(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_json(value)
