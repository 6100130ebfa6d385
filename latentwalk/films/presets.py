"""Walks to start from: through random seeds, along one slider, along all of them, from class to class."""

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
    """What a preset is made from; each takes what it needs. `seconds` is the length of the whole walk."""

    edit: Edit
    seconds: float = 8.0
    seeds: int = 5
    direction: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """A way to make a timeline, and what it asks for beyond an edit."""

    id: str
    title: str
    about: str
    needs: tuple[str, ...]
    make: Callable[[PresetRequest, GeneratorSpec, Mapping[str, Direction]], Timeline]


def presets() -> Mapping[str, Preset]:
    """Every preset by its id."""
    made = (
        Preset("random", "Random walk", "Through several seeds and back to the first.", ("seeds",), random_walk),
        Preset("back_and_forth", "There and back", "One slider over its usable range.", ("direction",), back_and_forth),
        Preset("tour", "Tour of the sliders", "Each slider in turn, there and back.", (), tour),
        Preset("morph", "Class morph", "What lies between two classes.", ("classes",), morph),
    )
    return {preset.id: preset for preset in made}


def random_walk(wish: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """From the edit's own base through seeds drawn from it, at an even speed, without a seam."""
    if not 2 <= wish.seeds <= MOST_STOPS:
        raise Invalid(f"A random walk goes through 2 to {MOST_STOPS} seeds.", "Choose a number between.")
    drawn = [wish.edit.base.model_dump(exclude_defaults=True), *({"seed": _seed(wish.edit, n)} for n in range(1, 64))]
    step = wish.seconds / wish.seeds
    keyframes = [
        {"at": index * step, "edit": {**_plain(wish.edit), "base": base}, "easing": "linear"}
        for index, base in enumerate(drawn[: wish.seeds])
    ]
    return _walk(wish, keyframes, curve="spline", speed="even")


def back_and_forth(wish: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """There and back along one slider, over its usable range; it loops without a seam."""
    if wish.direction is None:
        raise Invalid("The preset needs a direction.", "Pick one of the generator's sliders.")
    return sweep(wish.edit, _slider(wish.direction, spec, directions), seconds=wish.seconds)


def sweep(
    edit: Edit,
    direction: Direction,
    *,
    seconds: float = 4.0,
    span: tuple[float, float] | None = None,
    output: Mapping[str, Any] | None = None,
) -> Timeline:
    """There and back along a slider, over its usable range unless `span` says otherwise."""
    low, high = direction.range if span is None else span
    for amount in (low, high):
        direction.steps(amount)
    first = {**_plain(edit), "amounts": {**edit.amounts, direction.id: low}}
    keyframes = [{"at": 0.0, "edit": first}, {"at": seconds / 2, "amounts": {direction.id: high}}]
    return _walk(PresetRequest(edit, seconds), keyframes, output=dict(output or {}))


def tour(wish: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """Each slider in turn from where it is up, down and back, over its usable range."""
    chosen = list(directions.values())[:MOST_SLIDERS]
    if not chosen:
        raise Invalid(f"{spec.name} has no sliders to tour.", "Learn or discover some first.")
    turn = wish.seconds / len(chosen)
    keyframes: list[dict[str, Any]] = [{"at": 0.0, "edit": _plain(wish.edit)}]
    for number, direction in enumerate(chosen):
        rest = wish.edit.amounts.get(direction.id, direction.unit.neutral)
        low, high = direction.range
        # A slider that has not moved yet needs a stop where its turn begins, or it would set off at the start.
        stops = [(0.0, rest)] * bool(number) + [(0.25, high), (0.75, low)] + [(1.0, rest)] * (number + 1 < len(chosen))
        keyframes += [{"at": (number + share) * turn, "amounts": {direction.id: amount}} for share, amount in stops]
    return _walk(wish, _merged(keyframes))


def morph(wish: PresetRequest, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Timeline:
    """From one class to the other and back, resting on each, at an even speed."""
    if len(wish.classes) != 2 or len(set(wish.classes)) != 2:
        raise Invalid("A class morph goes between two classes.", "Name two different ones.")
    for name in wish.classes:
        if name not in spec.classes:
            hint = f"It has {', '.join(spec.classes[:12])}." if spec.classes else "Pick a generator with classes."
            raise Invalid(f"{spec.name} has no class “{name[:60]}”.", hint)
    first, second = wish.classes
    rest = wish.seconds / 16
    keyframes = [
        {"at": 0.0, "edit": {**_plain(wish.edit), "classes": {first: 1.0}}, "hold": rest},
        {"at": wish.seconds / 2, "classes": {second: 1.0}, "hold": rest},
    ]
    return _walk(wish, keyframes, speed="even")


def _walk(wish: PresetRequest, keyframes: Sequence[Mapping[str, Any]], **more: Any) -> Timeline:
    data = {"version": 2, "generator": wish.edit.generator, "keyframes": list(keyframes), "seconds": wish.seconds}
    return read({**data, **more})


def _merged(keyframes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # Where one slider's turn ends the next one's begins: one keyframe for both.
    merged: list[dict[str, Any]] = []
    for key in keyframes:
        if merged and abs(merged[-1]["at"] - key["at"]) < 1e-9:
            merged[-1]["amounts"].update(key["amounts"])
        else:
            merged.append(key)
    return merged


def _slider(id: str, spec: GeneratorSpec, directions: Mapping[str, Direction]) -> Direction:
    if id not in directions:
        raise Invalid(f"{spec.name} has no direction “{id[:60]}”.", "Pick one of its sliders, or learn this one.")
    return directions[id]


def _seed(edit: Edit, number: int) -> int:
    digest = hashlib.sha256(f"{number}|{canonical(edit)}".encode()).digest()
    return int.from_bytes(digest[:4]) & LARGEST_SEED


def _plain(edit: Edit) -> dict[str, Any]:
    return edit.model_dump(exclude_defaults=True)
