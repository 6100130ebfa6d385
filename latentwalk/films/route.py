"""Route: the edit of a timeline at any time, with every property interpolated as suits its space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentwalk.directions.direction import Direction
from latentwalk.directions.unit import Unit
from latentwalk.edit import MOST_SEEDS, Base, Edit
from latentwalk.errors import Invalid, LatentwalkError
from latentwalk.films.interpolation import Position, Stop, Vector, great_circle, linear, locate, spline
from latentwalk.films.timeline import Keyframe, Timeline
from latentwalk.latents.class_weights import class_weights
from latentwalk.latents.latent_codec import interpolate_latents
from latentwalk.latents.resolve import resolve
from models.base import Generator
from models.specs import GeneratorSpec

NEGLIGIBLE = 1e-9  # weights below this are dropped


@dataclass(frozen=True, slots=True)
class Track:
    """The stops of one property, vectors whose numbers belong to `names`, and how to interpolate between them."""

    names: tuple[str, ...]
    stops: tuple[Stop, ...]
    interpolate: Callable[[Sequence[Stop], Position], Vector]


@dataclass(frozen=True, slots=True)
class Route:
    """The edits of a timeline.

    Seeds are interpolated along great circles of z, or along lines or splines of w where the generator has one. Class
    weights stay on their simplex, amounts are interpolated in their unit's coordinate, and stored latents linearly. The
    great circle treats the seeds' latents as orthogonal, which independent draws nearly are; the mix of seeds then
    keeps the variance of the prior. A spline never leaves a direction's track.
    """

    timeline: Timeline
    units: Mapping[str, Unit]
    spec: GeneratorSpec
    base: Track
    bases: tuple[Base, ...]
    classes: Track | None
    truncation: Track
    amounts: Mapping[str, Track]

    @property
    def period(self) -> float | None:
        """Seconds after which the walk repeats; None where it does not."""
        return self.timeline.length if self.timeline.play == "loop" else None

    def at(self, seconds: float) -> Edit:
        """The edit at a time in the walk, 0 to `timeline.length` seconds."""
        keys = self.timeline.keyframes  # the first of which holds a whole edit
        latest = [key.edit for key in keys if key.edit is not None and key.at <= max(seconds, 0.0)][-1]
        amounts = {}
        for name, track in self.amounts.items():
            unit = self.units[name]
            amounts[name] = unit.amount(self._value(track, seconds)[0])
        classes = {} if self.classes is None else self._weights(self.classes, seconds)
        return latest.model_copy(
            update={
                "base": self._base(seconds),
                "classes": classes,
                "truncation": self._value(self.truncation, seconds)[0],
                "amounts": amounts,
            }
        )

    def edits_at(self, seconds: float) -> tuple[Edit, ...]:
        """The edits of the images at a time, in the order of the grid; one edit where there is no grid."""
        edit = self.at(seconds)
        grid = self.timeline.grid
        if grid is None:
            return (edit,)
        return tuple(edit.model_copy(update={"base": Base(seed=seed)}) for seed in grid.seeds)

    def _value(self, track: Track, seconds: float) -> Vector:
        position = locate(track.stops, seconds, self.period)
        if position.share == 0.0:
            return track.stops[position.left].value
        if position.share == 1.0:
            return track.stops[position.right].value
        return track.interpolate(track.stops, position)

    def _weights(self, track: Track, seconds: float) -> dict[str, float]:
        values = self._value(track, seconds)
        total = math.fsum(values)
        return {name: value / total for name, value in zip(track.names, values, strict=True) if value > NEGLIGIBLE}

    def _base(self, seconds: float) -> Base:
        position = locate(self.base.stops, seconds, self.period)
        first, second = self.bases[position.left], self.bases[position.right]
        if position.share in (0.0, 1.0) or first == second:
            return second if position.share == 1.0 else first
        if first.latent is not None or second.latent is not None:
            return Base(latent=interpolate_latents(first.latent, second.latent, position.share))
        values = dict(zip(self.base.names, self._value(self.base, seconds), strict=True))
        seeds = {name: value for name, value in values.items() if abs(value) > NEGLIGIBLE}
        return Base(seeds=seeds, space="w" if self._in_w else "z")

    @property
    def _in_w(self) -> bool:
        return mixes_in_w(self.spec, self.bases)


def route_of(timeline: Timeline, units: Mapping[str, Unit], spec: GeneratorSpec) -> Route:
    """The route of a timeline on a generator whose directions have these units.

    Raises Invalid where the generator lacks a direction, or the keyframes cannot be interpolated.
    """
    keys = timeline.keyframes
    period = timeline.length if timeline.play == "loop" else None
    is_spline = timeline.curve == "spline"

    def monotone(stops: Sequence[Stop], position: Position) -> Vector:
        return spline(stops, position, period, monotone=True) if is_spline else linear(stops, position)

    def unconstrained(stops: Sequence[Stop], position: Position) -> Vector:
        return spline(stops, position, period, monotone=False) if is_spline else linear(stops, position)

    for name in timeline.directions():
        if name not in units:
            number = next(number for number, key in enumerate(keys, start=1) if name in key.directions())
            message = f"Keyframe {number}: {spec.name} has no direction “{name}” to walk along."
            raise Invalid(message, "Choose one of the generator's directions.")
    whole = [(key, key.edit) for key in keys if key.edit is not None]
    bases = tuple(edit.base for _, edit in whole)
    near = 4 if is_spline and mixes_in_w(spec, bases) else 2  # keyframes that influence an image between two
    _check_seed_count(bases, period is not None, near)
    if any(base.space == "w" for base in bases) and not mixes_in_w(spec, bases):
        raise Invalid("Some keyframes mix seeds in w and others in z.", "Mix them in one space.")
    if any(base.latent is not None for base in bases):
        for base in bases[1:]:  # raises where the two cannot be interpolated
            interpolate_latents(bases[0].latent, base.latent, 0.5)
    rows = [_shares(base.weights()) for base in bases]
    start = _track([key for key, _ in whole], rows, unconstrained if mixes_in_w(spec, bases) else great_circle)
    return Route(
        timeline=timeline,
        units=units,
        spec=spec,
        base=start,
        bases=bases,
        classes=_class_track(keys, spec, monotone),
        truncation=_scalar_track([(key, _truncation(key)) for key in keys], monotone),
        amounts={
            name: _scalar_track([(key, _coordinate(key, name, unit)) for key in keys], monotone)
            for name, unit in ((name, units[name]) for name in timeline.directions())
        },
    )


def checked_route(timeline: Timeline, generator: Generator, directions: Mapping[str, Direction]) -> Route:
    """The route of a timeline whose keyframes the generator can make.

    Raises Invalid, naming the keyframe, where it cannot, so that a film fails before its first frame.
    """
    route = route_of(timeline, {name: direction.unit for name, direction in directions.items()}, generator.spec)
    for number, key in enumerate(timeline.keyframes, start=1):
        for edit in route.edits_at(key.at):
            try:
                resolve(edit, generator, directions)
            except LatentwalkError as error:
                raise Invalid(f"Keyframe {number}: {error}", error.hint) from error
    return route


def mixes_in_w(spec: GeneratorSpec, bases: Sequence[Base]) -> bool:
    """Whether bases can be mixed in w: the generator has one, and no base is a mix in z or a stored latent."""
    return "w" in spec.spaces and all(
        base.latent is None and (base.space == "w" or len(base.weights()) == 1) for base in bases
    )


def _track(keys: Sequence[Keyframe], rows: Sequence[Mapping[str, float]], interpolate: Any) -> Track:
    names = tuple(sorted({name for row in rows for name in row}))
    stops = [
        Stop(key.at, tuple(row.get(name, 0.0) for name in names), key.hold, key.easing)
        for key, row in zip(keys, rows, strict=True)
    ]
    return Track(names, tuple(stops), interpolate)


def _scalar_track(values: Sequence[tuple[Keyframe, float | None]], interpolate: Any) -> Track:
    rows = [(key, {"": value}) for key, value in values if value is not None]
    return _track([key for key, _ in rows], [row for _, row in rows], interpolate)


def _class_track(keys: Sequence[Keyframe], spec: GeneratorSpec, interpolate: Any) -> Track | None:
    first = keys[0].edit
    assert first is not None
    if not any(key.classes or (key.edit is not None and key.edit.classes) for key in keys):
        return None
    rows = []
    for key in keys:
        if key.edit is not None:
            rows.append((key, class_weights(key.edit, spec)))
        elif key.classes:
            rows.append((key, class_weights(first.model_copy(update={"classes": key.classes}), spec)))
    return _track([key for key, _ in rows], [row for _, row in rows], interpolate)


def _truncation(key: Keyframe) -> float | None:
    return key.truncation if key.edit is None else key.edit.truncation


def _coordinate(key: Keyframe, name: str, unit: Unit) -> float | None:
    if key.edit is not None:
        return unit.coordinate(key.edit.amounts.get(name, unit.neutral))
    return unit.coordinate(key.amounts[name]) if name in key.amounts else None


def _shares(weights: Mapping[int, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    return {str(seed): weight / total for seed, weight in weights.items()}


def _check_seed_count(bases: Sequence[Base], loops: bool, near: int) -> None:
    count = len(bases)
    for index in range(count):
        steps = range(index, index + near)
        mixed = [bases[step % count if loops else min(step, count - 1)] for step in steps]
        if len({seed for base in mixed for seed in base.weights()}) > MOST_SEEDS:
            raise Invalid(
                f"Between keyframe {index + 1} and the next more than {MOST_SEEDS} seeds are mixed.",
                "Mix fewer seeds in each keyframe.",
            )
