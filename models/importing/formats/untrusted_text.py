"""The rules for text from outside: checked once, where it enters, so that it can be stored, sent and shown anywhere.

Text is kept as it is, without Unicode normalisation: a name that two people spell differently stays two names.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import AfterValidator

from models.errors import UNSAFE, Invalid, showable

LONGEST_LINE = 200
LONGEST_TEXT = 2000
DEEPEST = 64  # levels of nesting in JSON
_FORBIDDEN = re.compile(f"[{UNSAFE}\t\n\r\u2028\u2029]")
_FORBIDDEN_IN_LINES = re.compile(f"[{UNSAFE}]")
HINT = "Remove it, or write the text again by hand."


def problem(text: str, longest: int = LONGEST_LINE, *, lines: bool = False) -> str:
    """Why a text cannot be kept, as the end of a sentence that begins with its name; "" where it can.

    `lines` permits line breaks and tabs, for the texts of cards.
    """
    if len(text) > longest:
        return f"is longer than {longest} characters"
    found = (_FORBIDDEN_IN_LINES if lines else _FORBIDDEN).search(text)
    if found is None:
        return ""
    code = ord(found.group())
    if 0xD800 <= code <= 0xDFFF:
        return f"holds half a character (U+{code:04X}), which cannot be encoded"
    if code >= 0x202A:
        return f"holds a character that changes the direction of writing (U+{code:04X})"
    return f"holds a control character (U+{code:04X})"


def check_text(text: str, field: str, longest: int = LONGEST_LINE, *, lines: bool = False) -> str:
    """The text, unchanged. Raises Invalid, whose message begins with `field`, where it cannot be kept."""
    if reason := problem(text, longest, lines=lines):
        raise Invalid(f"{field} {reason}.", HINT)
    return text


def check_json(value: Any, field: str, longest: int = LONGEST_TEXT, *, deepest: int = DEEPEST) -> None:
    """Raise Invalid, naming the path from `field`, where a key or a text in a JSON value cannot be kept."""
    if deepest == 0:
        raise Invalid(f"{field} is nested too deeply.", "")
    if isinstance(value, str):
        check_text(value, field, longest, lines=True)
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_text(str(key), f"{field} has a key that", LONGEST_LINE)
            check_json(inner, f"{field}.{str(key)[:40]}", longest, deepest=deepest - 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            check_json(inner, f"{field}.{number}", longest, deepest=deepest - 1)


def cleaned(value: Any) -> Any:
    """A JSON value in which every forbidden character is a replacement character, to show what is stored already."""
    if isinstance(value, str):
        return showable(value)
    if isinstance(value, dict):
        return {cleaned(str(key)): cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(inner) for inner in value]
    return value


def _line(text: str) -> str:
    if reason := problem(text, len(text)):
        raise ValueError(f"it {reason}")
    return text


def _lines(text: str) -> str:
    if reason := problem(text, len(text), lines=True):
        raise ValueError(f"it {reason}")
    return text


# For the fields of pydantic models, beside a `Field(max_length=...)`: one line, or text with line breaks.
LINE = AfterValidator(_line)
LINES = AfterValidator(_lines)
