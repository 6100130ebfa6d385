"""What the jail says a file holds, believed only where it makes sense: whoever runs in there may say anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from models.sandbox.client import SandboxError, plain_text

MOST_OUTPUTS, MOST_SIDES, MOST_NOTES = 64, 16, 20
LARGEST = 2**53  # of any number: beyond it not every reader of JSON has it right
KINDS = ("float32", "float16", "float64", "uint8", "int32", "int64", "other")

Shape = tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Passport:
    """What a file holds, as found in the jail; `None` sides are left open by it.

    `input` and `outputs` have names, kinds of number and shapes; all text is one line of characters that can be shown.
    """

    sha256: str
    bytes: int
    opset: int
    producer: str
    nodes: int
    parameters: int
    input: str
    kind: str
    shape: Shape
    outputs: tuple[tuple[str, str, Shape], ...]
    metadata: dict[str, str]


def validate(told: object, data: bytes) -> Passport:
    """The passport of the file `data` from what the jail told of it. JailError where that is not what it can be."""
    try:
        if not isinstance(told, dict):
            raise ValueError("no object")
        name, kind, shape = _value(told["input"])
        outputs = _at_most(told["outputs"], list, MOST_OUTPUTS)
        notes = _at_most(told["metadata"], dict, MOST_NOTES)
        return Passport(
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            opset=_count(told["opset"]),
            producer=plain_text(told["producer"], 60),
            nodes=_count(told["nodes"]),
            parameters=_count(told["parameters"]),
            input=name,
            kind=kind,
            shape=shape,
            outputs=tuple(_value(output) for output in outputs),
            metadata={plain_text(key, 60): plain_text(value, 200) for key, value in notes.items()},
        )
    except (KeyError, TypeError, ValueError):
        raise SandboxError("What was found in it makes no sense.", "Check the file and where it comes from.") from None


def _value(told: Any) -> tuple[str, str, Shape]:
    name, kind, shape = plain_text(told["name"], 200), told["kind"], told["shape"]
    if kind not in KINDS:
        raise ValueError("no kind")
    if shape is None:
        return name, kind, None
    sides = _at_most(shape, list, MOST_SIDES)
    return name, kind, tuple(None if side is None else _count(side) for side in sides)


def _at_most(told: Any, kind: type[list[Any]] | type[dict[str, Any]], most: int) -> Any:
    if not isinstance(told, kind) or len(told) > most:
        raise ValueError("too many, or none")
    return told


def _count(told: object) -> int:
    if type(told) is not int or not 0 <= told <= LARGEST:
        raise ValueError("no count")
    return told
