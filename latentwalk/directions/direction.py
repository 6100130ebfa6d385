"""Direction: one learned slider as a frozen value, with its unit, its measured limits and its file format."""

from __future__ import annotations

import bisect
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from latentwalk.directions.latent_walk import Walk, from_tensors
from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid
from models.specs import GeneratorSpec

FORMAT = 1
LARGEST_FILE = 16 * 2**20  # a 512-wide path is 4 MiB; anything far above is not a direction
LARGEST_HEADER = 2**20
LONGEST_TEXT = 2000
DEEPEST = 8  # levels of a report card or settings; deeper JSON only ever comes from somebody who means harm
MOST_STEPS = 64.0  # of a path: each costs as much as a small network, and a file must not be able to ask for a million
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
VERDICTS = ("strong", "partial", "weak", "unmeasured")


@dataclass(frozen=True, slots=True)
class Curve:
    """The response curve: which latent step gives which effect, both rising, through (0, 0).

    `coordinates` are effects in the unit's coordinate, `steps` multiples of the walk. Between the points it is
    linear; beyond them the last piece is carried on, which is only ever used past the measured limit.
    """

    coordinates: tuple[float, ...]
    steps: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.coordinates) != len(self.steps) or len(self.steps) < 2:
            raise ValueError("a curve needs two or more points, each a coordinate and a step")
        if not all(math.isfinite(number) for number in (*self.coordinates, *self.steps)):
            raise ValueError("a curve's numbers must be finite")
        for row in (self.coordinates, self.steps):
            if any(after <= before for before, after in itertools.pairwise(row)):
                raise ValueError("a curve must rise from point to point")
        if self.step(0.0) != 0.0:
            raise ValueError("a curve must pass through zero")

    def step(self, coordinate: float) -> float:
        """The latent step for an effect."""
        return _along(self.coordinates, self.steps, coordinate)

    def coordinate(self, step: float) -> float:
        """The effect of a latent step."""
        return _along(self.steps, self.coordinates, step)

    @classmethod
    def straight(cls, rate: float, reach: float) -> Curve:
        """Effect = step / rate, up to `reach` on both sides: a curve before anything was measured."""
        return cls((-reach, 0.0, reach), (-reach * rate, 0.0, reach * rate))


def _along(xs: tuple[float, ...], ys: tuple[float, ...], x: float) -> float:
    right = min(max(bisect.bisect_left(xs, x), 1), len(xs) - 1)
    if xs[right] == x:  # a stored point answers exactly: zero must stay zero
        return ys[right]
    share = (x - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + share * (ys[right] - ys[right - 1])


def check_id(id: str) -> None:
    """Refuse what cannot name a slider."""
    if not NAME.fullmatch(id):
        raise Invalid(
            f"“{id[:60]}” cannot name a direction.",
            "Use small letters, digits and underscores, a letter first, at most 40 characters.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A slider: where it walks, in which unit, how far it is obeyed, how it was made and how well it does.

    `range` is the measured usable span in the unit, `track` the span a slider offers (the rest is past the
    limit), `asked` the span it was trained for. `verdict` is strong, partial, weak or unmeasured.
    """

    id: str
    name: str
    group: str
    generator: str
    fingerprint: str
    space: str
    unit: Unit
    walk: Walk
    curve: Curve
    range: tuple[float, float]
    track: tuple[float, float]
    asked: tuple[float, float]
    method: str
    seed: int
    created: str
    layers: tuple[int, int] | None = None
    verdict: str = "unmeasured"
    note: str = ""
    licence: str = "MIT"
    settings: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        if self.walk.kind == "path" and max(abs(self.steps(end)) for end in self.track) > MOST_STEPS:
            raise ValueError(f"its path has more than {MOST_STEPS:g} steps")

    @property
    def step(self) -> float:
        """The slider's keyboard step, in coordinates: a hundredth of the track, rounded to 1, 2 or 5."""
        span = (self.unit.coordinate(self.track[1]) - self.unit.coordinate(self.track[0])) / 100
        power = 10.0 ** math.floor(math.log10(span))
        return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= span * 0.999)

    def check(self, spec: GeneratorSpec) -> None:
        """Refuse, with the reason, to steer a model that this direction was not made for."""
        if self.fingerprint != spec.fingerprint:
            raise Invalid(
                f"“{self.name}” was made for {self.generator} ({short_fingerprint(self.fingerprint)}), not for "
                f"{spec.name} ({short_fingerprint(spec.fingerprint)}).",
                f"Learn it again on {spec.name}: latentwalk learn {self.id} --generator {spec.name}",
            )

    def steps(self, amount: float) -> float:
        """The latent step for an amount; refuses what lies outside the track."""
        coordinate = self.unit.coordinate(amount)
        low, high = (self.unit.coordinate(end) for end in self.track)
        slack = 1e-6 * (high - low)
        if not low - slack <= coordinate <= high + slack:
            raise Invalid(
                f"{self.name} cannot go to {self.unit.describe(amount)}: its track runs from "
                f"{self.unit.describe(self.track[0])} to {self.unit.describe(self.track[1])}.",
                "Choose an amount on the track.",
            )
        return self.curve.step(coordinate)

    def displacement(self, latents: Tensor, amount: float, classes: Tensor | None = None) -> Tensor:
        """What an amount adds to latents [N, D] of class weights [N or 1, K]; exactly zero at the neutral amount."""
        step = self.steps(amount)
        if step == 0.0:
            return torch.zeros_like(latents)
        return self.walk.move(latents, latents.new_full((len(latents),), step), classes) - latents


def project_off(displacement: Tensor, held: Sequence[Direction], classes: Tensor | None = None) -> Tensor:
    """`displacement` [N, D] without its part along the held directions (InterFaceGAN, section 3.3).

    `classes` [1, K] are the weights that directions with a vector for each class are held for.
    """
    if not held:
        return displacement
    vectors = []
    for direction in held:
        axis = direction.walk.axis(classes)
        if axis is None:
            raise Invalid(f"{direction.name} is a path and cannot be held.", "Hold a straight direction instead.")
        axis = axis.to(displacement)
        vectors.append(axis / axis.norm().clamp_min(1e-8))
    axes, rest = torch.linalg.qr(torch.stack(vectors, dim=1))
    basis: Tensor = axes[:, rest.diagonal().abs() > 1e-4]  # one that lies in the span of those before it adds no axis
    return displacement - (displacement @ basis) @ basis.T


def short_fingerprint(fingerprint: str) -> str:
    """A fingerprint as people compare them: its first eight hexadecimal digits."""
    return fingerprint.removeprefix("sha256:")[:8]


_PLAIN = ("id", "name", "group", "generator", "fingerprint", "space", "method", "seed", "created")
_MORE = ("verdict", "note", "licence")


def to_bytes(direction: Direction) -> bytes:
    """One safetensors file; everything but the tensors is JSON in its header."""
    unit = direction.unit
    header: dict[str, Any] = {name: getattr(direction, name) for name in (*_PLAIN, *_MORE)}
    header |= {
        "format": FORMAT,
        "kind": direction.walk.kind,
        "unit": {"symbol": unit.symbol, "neutral": unit.neutral, "scale": unit.scale, "decimals": unit.decimals},
        "curve": {"coordinates": direction.curve.coordinates, "steps": direction.curve.steps},
        "range": direction.range,
        "track": direction.track,
        "asked": direction.asked,
        "layers": direction.layers,
        "settings": dict(direction.settings),
        "card": None if direction.card is None else dict(direction.card),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in direction.walk.tensors().items()}
    return save(tensors, metadata={"latentwalk.direction": json.dumps(header, sort_keys=True)})


def from_bytes(data: bytes, source: str = "The file") -> Direction:
    """The direction stored in `data`; Invalid, naming `source` and the reason, for anything else."""

    def refuse(reason: str) -> Invalid:
        hint = "Directions are .safetensors files made by Latentwalk."
        return Invalid(f"{source} is not a direction: {reason}.", hint)

    try:
        header = _header(data)
        tensors = load(data)
        stored = json.loads(header["latentwalk.direction"])
        _sound(stored)
        if stored["format"] != FORMAT:
            raise refuse(f"its format is {stored['format']}, this program reads {FORMAT}")
        width = next(iter(tensors.values())).shape[-1]
        curve = stored["curve"]
        return Direction(
            **{name: _text_or_int(stored, name) for name in (*_PLAIN, *_MORE)},
            unit=Unit(**stored["unit"]),
            walk=from_tensors(stored["kind"], tensors, width),
            curve=Curve(tuple(map(float, curve["coordinates"])), tuple(map(float, curve["steps"]))),
            range=_pair(stored["range"]),
            track=_pair(stored["track"]),
            asked=_pair(stored["asked"]),
            layers=None if stored["layers"] is None else (int(stored["layers"][0]), int(stored["layers"][1])),
            settings=dict(stored["settings"]),
            card=None if stored["card"] is None else dict(stored["card"]),
        )
    except KeyError as error:
        raise refuse(f"it does not say its {str(error.args[0]).removeprefix('latentwalk.')}") from None
    except (TypeError, AttributeError, IndexError, StopIteration, RecursionError):
        raise refuse("it is not laid out as one") from None
    except (SafetensorError, ValueError, ArithmeticError) as error:
        raise refuse(str(error)[:200].rstrip(".") or "it cannot be read") from None


def replace_fields(direction: Direction, **changes: Any) -> Direction:
    """A copy with some fields changed; the value itself never is."""
    return replace(direction, **changes)


def _header(data: bytes) -> dict[str, str]:
    # The header is read here before safetensors sees the file: a huge one would cost memory to refuse.
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


def _text_or_int(stored: Mapping[str, Any], name: str) -> Any:
    value = stored[name]
    expected = int if name == "seed" else str
    if not isinstance(value, expected) or isinstance(value, bool):
        raise ValueError(f"its {name} is not {'a number' if expected is int else 'text'}")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ValueError(f"its {name} is longer than {LONGEST_TEXT} characters")
    if name == "verdict" and value not in VERDICTS:
        raise ValueError(f"its verdict is none of {', '.join(VERDICTS)}")
    return value


def _sound(value: Any, room: int = DEEPEST) -> None:
    # JSON readers take NaN and any depth; those who are sent the value on would choke on either.
    if room == 0:
        raise ValueError(f"its description is nested more than {DEEPEST} deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("its description holds numbers that are not finite")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _sound(inner, room - 1)


def _pair(value: Any) -> tuple[float, float]:
    low, high = (float(end) for end in value)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("a range must rise and be finite")
    return low, high
