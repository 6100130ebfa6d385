"""Presets: timelines through random seeds, along one direction, along all directions, and between two classes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentwalk.directions.direction import Direction
from latentwalk.edit import LARGEST_SEED, Edit, canonical
from latentwalk.errors import Invalid
from latentwalk.films.timeline import Timeline, read
from models.specs import GeneratorSpec

MOST_STOPS = 64
MOST_SLIDERS = 24


@dataclass(frozen=True, slots=True)
class PresetRequest:
    """The inputs of all presets; each uses those it needs. `seconds` is the length of the whole walk."""

    edit: Edit
    seconds: float = 8.0
    seeds: int = 5
    direction: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """A way to make a timeline; `needs` names the inputs that it needs beyond an edit."""

    id: str
    title: str
    about: str
    needs: tuple[str, ...]
    make: Callable[[PresetRequest, GeneratorSpec, Mapping[str, Direction]], Timeline]


def presets() -> Mapping[str, Preset]:
    """Every preset by its id."""
    every = (
        Preset("random", "Random walk", "Through several seeds and back to the first.", ("seeds",), random_walk),
        Preset("back_and_forth", "There and back", "One slider over its usable range.", ("direction",), back_and_forth),
        Preset("tour", "Tour of the sliders", "Each slider in turn, there and back.", (), tour),
        Preset("morph", "Class morph", "What lies between two classes.", ("classes",), morph),
    )
    return {preset.id: preset for preset in every}


def random_walk(request: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """A loop from the edit's own base through seeds derived from the edit, at constant perceptual speed."""
    if not 2 <= request.seeds <= MOST_STOPS:
        raise Invalid(f"A random walk goes through 2 to {MOST_STOPS} seeds.", "Choose a number in that range.")
    bases = [
        request.edit.base.model_dump(exclude_defaults=True),
        *({"seed": _seed(request.edit, n)} for n in range(1, 64)),
    ]
    step = request.seconds / request.seeds
    keyframes = [
        {"at": index * step, "edit": {**_plain(request.edit), "base": base}, "easing": "linear"}
        for index, base in enumerate(bases[: request.seeds])
    ]
    return _walk(request, keyframes, curve="spline", speed="even")


def back_and_forth(request: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """A loop along one direction over its usable range and back."""
    if request.direction is None:
        raise Invalid("The preset needs a direction.", "Choose one of the generator's directions.")
    return sweep(request.edit, _direction(request.direction, spec, directions), seconds=request.seconds)


def sweep(
    edit: Edit,
    direction: Direction,
    *,
    seconds: float = 4.0,
    span: tuple[float, float] | None = None,
    output: Mapping[str, Any] | None = None,
) -> Timeline:
    """A loop along a direction over `span` and back; the default is its usable range.

    `span` is the lowest and highest amount. Raises Invalid where it leaves the direction's track.
    """
    low, high = direction.range if span is None else span
    for amount in (low, high):
        direction.steps(amount)
    first = {**_plain(edit), "amounts": {**edit.amounts, direction.id: low}}
    keyframes = [{"at": 0.0, "edit": first}, {"at": seconds / 2, "amounts": {direction.id: high}}]
    return _walk(PresetRequest(edit, seconds), keyframes, output=dict(output or {}))


def tour(request: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """Each direction in turn, from its current amount up, down and back, over its usable range."""
    chosen = list(directions.values())[:MOST_SLIDERS]
    if not chosen:
        raise Invalid(f"{spec.name} has no directions to tour.", "Learn or discover some first.")
    turn = request.seconds / len(chosen)
    keyframes: list[dict[str, Any]] = [{"at": 0.0, "edit": _plain(request.edit)}]
    for number, direction in enumerate(chosen):
        rest = request.edit.amounts.get(direction.id, direction.unit.neutral)
        low, high = direction.range
        # Without a stop where its turn begins, a direction would start to move at the beginning of the walk.
        stops = [(0.0, rest)] * bool(number) + [(0.25, high), (0.75, low)] + [(1.0, rest)] * (number + 1 < len(chosen))
        keyframes += [{"at": (number + share) * turn, "amounts": {direction.id: amount}} for share, amount in stops]
    return _walk(request, _merge(keyframes))


def morph(request: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """A loop from one class to another and back, with a hold on each, at constant perceptual speed."""
    if len(request.classes) != 2 or len(set(request.classes)) != 2:
        raise Invalid("A class morph goes between two classes.", "Choose two different ones.")
    for name in request.classes:
        if name not in spec.classes:
            hint = (
                f"Its classes are {', '.join(spec.classes[:12])}."
                if spec.classes
                else "Choose a generator with classes."
            )
            raise Invalid(f"{spec.name} has no class “{name[:60]}”.", hint)
    first, second = request.classes
    rest = request.seconds / 16
    keyframes = [
        {"at": 0.0, "edit": {**_plain(request.edit), "classes": {first: 1.0}}, "hold": rest},
        {"at": request.seconds / 2, "classes": {second: 1.0}, "hold": rest},
    ]
    return _walk(request, keyframes, speed="even")


def _walk(request: PresetRequest, keyframes: Sequence[Mapping[str, Any]], **more: Any) -> Timeline:
    data = {"version": 2, "generator": request.edit.generator, "keyframes": list(keyframes), "seconds": request.seconds}
    return read({**data, **more})


def _merge(keyframes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # The end of one direction's turn and the begin of the next are one keyframe.
    merged: list[dict[str, Any]] = []
    for key in keyframes:
        if merged and abs(merged[-1]["at"] - key["at"]) < 1e-9:
            merged[-1]["amounts"].update(key["amounts"])
        else:
            merged.append(key)
    return merged


def _direction(id: str, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Direction:
    if id not in directions:
        raise Invalid(f"{spec.name} has no direction “{id[:60]}”.", "Choose one of its directions, or learn this one.")
    return directions[id]


def _seed(edit: Edit, number: int) -> int:
    digest = hashlib.sha256(f"{number}|{canonical(edit)}".encode()).digest()
    return int.from_bytes(digest[:4]) & LARGEST_SEED


def _plain(edit: Edit) -> dict[str, Any]:
    return edit.model_dump(exclude_defaults=True)
