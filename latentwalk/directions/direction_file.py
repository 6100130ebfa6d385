"""The file format of a direction: one safetensors file whose header holds everything but the tensors as JSON.

Files come from anyone, so that every limit is checked before it costs memory, and every value before it is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import from_tensors
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid
from models.external_text import check_json, fault

SUFFIX = ".safetensors"
FORMAT = 1
LARGEST_FILE = 16 * 2**20  # a path of 512 numbers takes 4 MiB; anything far above is not a direction
LARGEST_HEADER = 2**20
LONGEST_TEXT = 2000
DESCRIPTIONS = ("note", "licence")  # may have several lines
VERDICTS = ("strong", "partial", "weak", "unmeasured")
KEY = "latentwalk.direction"  # of the header's metadata
_REQUIRED = ("id", "name", "group", "generator", "fingerprint", "space", "method", "seed", "created")
_OPTIONAL = ("verdict", "note", "licence")


def to_bytes(direction: Direction) -> bytes:
    """The direction as a file. Equal directions give equal bytes."""
    unit = direction.unit
    header: dict[str, Any] = {name: getattr(direction, name) for name in (*_REQUIRED, *_OPTIONAL)}
    header |= {
        "format": FORMAT,
        "kind": direction.walk.kind,
        "unit": {"symbol": unit.symbol, "neutral": unit.neutral, "scale": unit.scale, "decimals": unit.decimals},
        "curve": {"coordinates": direction.curve.coordinates, "steps": direction.curve.steps},
        "range": direction.range,
        "track": direction.track,
        "asked": direction.requested_range,
        "layers": direction.layers,
        "settings": dict(direction.settings),
        "card": None if direction.card is None else dict(direction.card),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in direction.walk.tensors().items()}
    return save(tensors, metadata={KEY: json.dumps(header, sort_keys=True)})


def from_bytes(data: bytes, source: str = "The file") -> Direction:
    """The direction in a file's bytes. Raises Invalid, naming `source` and the reason, for anything else."""

    def refuse(reason: str) -> Invalid:
        hint = "Directions are .safetensors files that Latentwalk wrote."
        return Invalid(f"{source} is not a direction: {reason}.", hint)

    try:
        metadata = _metadata(data)
        tensors = load(data)
        header = json.loads(metadata[KEY])
        check_json(header)
        if header["format"] != FORMAT:
            raise refuse(f"its format is {header['format']}, and this version reads {FORMAT}")
        width = next(iter(tensors.values())).shape[-1]
        curve, layers = header["curve"], header["layers"]
        return Direction(
            **{name: _text_or_int(header, name) for name in (*_REQUIRED, *_OPTIONAL)},
            unit=_unit(header["unit"]),
            walk=from_tensors(header["kind"], tensors, width),
            curve=Curve(tuple(map(float, curve["coordinates"])), tuple(map(float, curve["steps"]))),
            range=_range(header["range"]),
            track=_range(header["track"]),
            requested_range=_range(header["asked"]),
            layers=None if layers is None else (int(layers[0]), int(layers[1])),
            settings=dict(header["settings"]),
            card=None if header["card"] is None else dict(header["card"]),
        )
    except KeyError as error:
        raise refuse(f"it has no {str(error.args[0]).removeprefix('latentwalk.')}") from None
    except (TypeError, AttributeError, IndexError, StopIteration, RecursionError):
        raise refuse("its header is malformed") from None
    except (SafetensorError, ValueError, ArithmeticError) as error:
        raise refuse(str(error)[:200].rstrip(".") or "it cannot be read") from None


def _metadata(data: bytes) -> dict[str, str]:
    # Read before safetensors sees the file, which would spend memory on a huge header before refusing it.
    if len(data) > LARGEST_FILE:
        raise ValueError(f"it is larger than {LARGEST_FILE >> 20} MiB")
    if len(data) < 8:
        raise ValueError("it is too short")
    length = int.from_bytes(data[:8], "little")
    if length > min(LARGEST_HEADER, len(data) - 8):
        raise ValueError("its header is cut off or too long")
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    if not isinstance(metadata, dict):
        raise ValueError("its header is not a table")
    return metadata


def _text_or_int(header: Mapping[str, Any], name: str) -> Any:
    value = header[name]
    expected = int if name == "seed" else str
    if not isinstance(value, expected) or isinstance(value, bool):
        raise ValueError(f"its {name} is not {'a number' if expected is int else 'text'}")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ValueError(f"its {name} is longer than {LONGEST_TEXT} characters")
    if isinstance(value, str) and (reason := fault(value, lines=name in DESCRIPTIONS)):
        raise ValueError(f"its {name} holds {reason}")
    if name == "verdict" and value not in VERDICTS:
        raise ValueError(f"its verdict is none of {', '.join(VERDICTS)}")
    return value


def _unit(fields: Mapping[str, Any]) -> Unit:
    unit = Unit(**fields)
    if reason := fault(str(unit.symbol)):
        raise ValueError(f"its unit holds {reason}")
    return unit


def _range(value: Any) -> tuple[float, float]:
    low, high = (float(end) for end in value)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("a range must rise and be finite")
    return low, high
