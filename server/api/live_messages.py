"""The messages that clients send on the live socket: parsed, and refused with a reason when they are malformed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from latentwalk import edit
from latentwalk.edit import Edit
from latentwalk.errors import Invalid, LatentwalkError
from server.engine.preview_queue import LARGEST_SHEET, PreviewRequest

LARGEST_MESSAGE = 64 * 2**10  # bytes
LARGEST_REV = 2**32 - 1
SMALLEST_SIDE, LARGEST_SIDE = 8, 8192  # pixels
FIELDS = ("rev", "edit", "edits", "ack", "size")


@dataclass(frozen=True, slots=True)
class Message:
    """What a client sent: a request for a preview, an acknowledgement of frames, or both."""

    request: PreviewRequest | None
    ack: int | None


class MessageRefused(Exception):
    """A message that cannot be followed; `rev` is the number to answer it under, None when it has none."""

    def __init__(self, rev: int | None, reason: LatentwalkError) -> None:
        super().__init__(str(reason))
        self.rev = rev
        self.reason = reason


def parse(raw: Any) -> Message:
    """The message in an ASGI `websocket.receive` event; MessageRefused when it is malformed."""
    data = _json_object(raw)
    rev = data.get("rev") if _is_integer(data.get("rev"), LARGEST_REV) else None
    unknown = [name for name in data if name not in FIELDS]
    if unknown:
        raise MessageRefused(
            rev, Invalid(f"A message has no “{unknown[0][:60]}”.", "It has rev, edit or edits, ack and size.")
        )
    ack, size = data.get("ack"), data.get("size")
    if ack is not None and not _is_integer(ack, LARGEST_REV):
        raise MessageRefused(rev, Invalid("ack is not the rev of a frame.", "Send the rev of the newest frame drawn."))
    if size is not None and (not _is_integer(size, LARGEST_SIDE) or size < SMALLEST_SIDE):
        limits = f"from {SMALLEST_SIDE} to {LARGEST_SIDE}"
        raise MessageRefused(rev, Invalid(f"size is not a side {limits}.", "Leave it out for the full size."))
    if "edit" not in data and "edits" not in data:
        if rev is not None or ack is None:
            raise MessageRefused(rev, Invalid("That message holds no edit.", "Send rev and edit, or an ack."))
        return Message(None, ack)
    if rev is None:
        hint = f"Send rev, from 0 to {LARGEST_REV}, larger with every edit."
        raise MessageRefused(None, Invalid("That edit has no rev.", hint))
    try:
        first, *others = _edits(data)
    except LatentwalkError as error:
        raise MessageRefused(rev, error) from None
    return Message(PreviewRequest(rev, first, size, others=tuple(others)), ack)


def _edits(data: dict[str, Any]) -> list[Edit]:
    # The one edit of a message, or those of a sheet.
    if "edits" not in data:
        return [edit.parse(data["edit"])]
    listed = data["edits"]
    if "edit" in data or not isinstance(listed, list) or not 1 <= len(listed) <= LARGEST_SHEET:
        raise Invalid(f"edits is not a list of 1 to {LARGEST_SHEET}.", "Send either edit or edits.")
    parsed = [edit.parse(one) for one in listed]
    if len({one.generator for one in parsed}) > 1:
        raise Invalid("The edits of a sheet are of several generators.", "Send edits of one generator.")
    return parsed


def _json_object(raw: Any) -> dict[str, Any]:
    text = raw.get("text")
    if text is not None and len(text) > LARGEST_MESSAGE:
        reason = Invalid("That message is too large.", f"Send at most {LARGEST_MESSAGE >> 10} KiB.")
        raise MessageRefused(None, reason)
    if text is None:
        raise MessageRefused(None, Invalid("The live socket takes text, not bytes.", "Send JSON."))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageRefused(None, Invalid("That message is not JSON.", "Send an object with rev and edit.")) from None
    if not isinstance(data, dict):
        raise MessageRefused(None, Invalid("That message is not an object.", "Send an object with rev and edit."))
    return data


def _is_integer(value: object, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
