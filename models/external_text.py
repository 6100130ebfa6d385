"""Checks text that comes from outside: what could not be stored, sent or shown as it was meant is refused at once."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator

DEEPEST = 8  # levels of nesting in JSON; deeper JSON can only be hostile

# Half of a surrogate pair cannot be encoded, so that a list with it could not be sent; control characters move a
# terminal's cursor; overrides and isolates show a text in another order than it is read in, so that a name can pose
# as another (Unicode Technical Report 36, section 2.7). Right-to-left scripts need none of these.
SURROGATES = r"\ud800-\udfff"
BIDIRECTIONAL = r"\u202a-\u202e\u2066-\u2069"
CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
_UNSAFE = re.compile(f"[{SURROGATES}{BIDIRECTIONAL}{CONTROLS}]")
_LINE = re.compile(r"[\t\n]")


def fault(text: str, *, lines: bool = False) -> str:
    """What is wrong with a text, as the end of “It holds ...”; "" if nothing is. `lines` allows tabs and line feeds."""
    found = _UNSAFE.search(text) or (None if lines else _LINE.search(text))
    if found is None:
        return ""
    number = f"U+{ord(found[0]):04X}"
    if re.match(f"[{SURROGATES}]", found[0]):
        return f"half of a surrogate pair ({number})"
    if re.match(f"[{BIDIRECTIONAL}]", found[0]):
        return f"a character that changes the direction of text ({number})"
    return f"a control character ({number})"


def single_line(text: str) -> str:
    """The text. Raises ValueError if it is not fit for a name or a title."""
    return _checked(text, lines=False)


def several_lines(text: str) -> str:
    """The text. Raises ValueError if it is not fit for a description, which may have several lines."""
    return _checked(text, lines=True)


SingleLine = Annotated[str, AfterValidator(single_line)]
SeveralLines = Annotated[str, AfterValidator(several_lines)]


def check_json(value: Any, what: str = "its description", levels: int = DEEPEST) -> None:
    """Raise ValueError unless every text in a JSON value is fit to be shown, every number finite, and its depth small.

    Python's reader accepts lone surrogates, NaN and any depth; browsers, which are sent this JSON, accept none of them.
    """
    if levels == 0:
        raise ValueError(f"{what} is nested more than {DEEPEST} deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{what} holds numbers that are not finite")
    if isinstance(value, str) and (reason := fault(value, lines=True)):
        raise ValueError(f"{what} holds {reason}")
    if isinstance(value, dict):
        for name, inner in value.items():
            check_json(name, what, levels)
            check_json(inner, what, levels - 1)
    if isinstance(value, list | tuple):
        for inner in value:
            check_json(inner, what, levels - 1)


def _checked(text: str, *, lines: bool) -> str:
    if reason := fault(text, lines=lines):
        raise ValueError(f"it holds {reason}")
    return text
