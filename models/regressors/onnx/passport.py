"""What the sandbox reports about an ONNX file, validated, because code in the sandbox could report anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from models.sandbox.client import SandboxError, plain_text

MOST_OUTPUTS, MOST_SIDES, MOST_NOTES = 64, 16, 20
LARGEST = 2**53  # of any number: some JSON readers lose precision beyond it
KINDS = ("float32", "float16", "float64", "uint8", "int32", "int64", "other")

Shape = tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Passport:
    """What an ONNX file holds. A side of a shape is None if the file leaves it open.

    `input`, `kind` and `shape` describe the input, `outputs` the name, kind and shape of each output. All text is one
    line of printable characters.
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


def validate(report: object, data: bytes) -> Passport:
    """The passport of the file `data` from the sandbox's report. SandboxError if the report is malformed."""
    try:
        if not isinstance(report, dict):
            raise ValueError("no object")
        name, kind, shape = _value(report["input"])
        outputs = _at_most(report["outputs"], list, MOST_OUTPUTS)
        notes = _at_most(report["metadata"], dict, MOST_NOTES)
        return Passport(
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            opset=_count(report["opset"]),
            producer=plain_text(report["producer"], 60),
            nodes=_count(report["nodes"]),
            parameters=_count(report["parameters"]),
            input=name,
            kind=kind,
            shape=shape,
            outputs=tuple(_value(output) for output in outputs),
            metadata={plain_text(key, 60): plain_text(value, 200) for key, value in notes.items()},
        )
    except (KeyError, TypeError, ValueError):
        raise SandboxError(
            "The report about this file is malformed.", "Check the file and where it comes from."
        ) from None


def _value(report: Any) -> tuple[str, str, Shape]:
    name, kind, shape = plain_text(report["name"], 200), report["kind"], report["shape"]
    if kind not in KINDS:
        raise ValueError("unknown kind")
    if shape is None:
        return name, kind, None
    sides = _at_most(shape, list, MOST_SIDES)
    return name, kind, tuple(None if side is None else _count(side) for side in sides)


def _at_most(value: Any, kind: type[list[Any]] | type[dict[str, Any]], most: int) -> Any:
    if not isinstance(value, kind) or len(value) > most:
        raise ValueError("too many, or none")
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise ValueError("no count")
    return value
