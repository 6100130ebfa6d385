"""Log lines: one line a record, and nothing in it that a terminal obeys."""

from __future__ import annotations

import json
import logging

import pytest

from server.ops.audit_log import JsonFormatter, TextFormatter

HOSTILE = [
    "\u009b31m",
    "\x1b[2J",
    "\r\nINFO: forged",
    "\u202eevil",
    "\u2066a\u2069",
    "\u2028",
    "\x00",
    "\x7f",
    "\ud800",
]


def record(message: str, **facts: str) -> logging.LogRecord:
    line = logging.LogRecord("server", logging.WARNING, __file__, 1, message, None, None)
    if facts:
        line.facts = facts
    return line


@pytest.mark.parametrize("text", HOSTILE)
def test_controls_and_bidirectional_marks_are_escaped_and_the_text_can_be_read_back(text: str) -> None:
    line = JsonFormatter().format(record("refused", path=text))
    assert line.isprintable()
    assert json.loads(line)["path"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_plain_line_has_none_of_them_either(text: str) -> None:
    line = TextFormatter().format(record(f"Film “{text}” failed"))
    assert line.isprintable()
    assert line.startswith("WARNING: Film “")


def test_umlauts_and_emoji_stay_as_they_are() -> None:
    assert "Gemälde 🎨" in JsonFormatter().format(record("changed", title="Gemälde 🎨"))
    assert "Gemälde 🎨" in TextFormatter().format(record("Gemälde 🎨"))
