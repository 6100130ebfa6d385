"""A timeline as a route: the edit at any moment, every property interpolated in the way that respects its space."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentwalk.directions.unit import Unit
from latentwalk.edit import MOST_SEEDS, Base, Edit, class_weights
from latentwalk.errors import Invalid
from latentwalk.films.interpolation import Place, Stop, Vector, arc, place, spline, straight
from latentwalk.films.timeline import Keyframe, Timeline
from latentwalk.latents.latent_codec import interpolate_latents
from models.specs import GeneratorSpec

SMALL = 1e-9  # a weight below this is none


@dataclass(frozen=True, slots=True)
class Track:
    """One property's stops: vectors whose numbers belong to `names`."""

    names: tuple[str, ...]
    stops: tuple[Stop, ...]
    bend: Callable[[Sequence[Stop], Place], Vector]


@dataclass(frozen=True, slots=True)
class Route:
    """The edits of a timeline. Seeds go along great circles of z, or along lines or splines of w where a generator
    has one; class weights stay on their simplex; amounts go in their own unit, factors as factors.

    The great circle is taken between seeds as if their latents were orthogonal, as independent draws nearly are; the
    renderer's mix of seeds then keeps the variance of the prior. Latents written out go in a straight line. A spline
    leaves no slider's track.
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
        """Seconds after which the walk is where it began; none where it does not come back."""
        return self.timeline.length if self.timeline.play == "loop" else None

    def at(self, seconds: float) -> Edit:
        """The edit of one moment of the walk, 0 to `timeline.length`."""
        keys = self.timeline.keyframes  # a timeline begins with a whole edit
        like = [key.edit for key in keys if key.edit is not None and key.at <= max(seconds, 0.0)][-1]
        amounts = {}
        for name, track in self.amounts.items():
            unit = self.units[name]
            amounts[name] = unit.amount(self._value(track, seconds)[0])
        classes = {} if self.classes is None else self._weights(self.classes, seconds)
        return like.model_copy(
            update={
                "base": self._base(seconds),
                "classes": classes,
                "truncation": self._value(self.truncation, seconds)[0],
                "amounts": amounts,
            }
        )

    def cells(self, seconds: float) -> tuple[Edit, ...]:
        """The edits of one moment's pictures, in the order of the grid; one where there is none."""
        edit = self.at(seconds)
        grid = self.timeline.grid
        if grid is None:
            return (edit,)
        return tuple(edit.model_copy(update={"base": Base(seed=seed)}) for seed in grid.seeds)

    def keyframes(self) -> Iterator[Edit]:
        """The edit at every keyframe, for checking before anything is drawn."""
        for key in self.timeline.keyframes:
            yield from self.cells(key.at)

    def _value(self, track: Track, seconds: float) -> Vector:
        found = place(track.stops, seconds, self.period)
        if found.share == 0.0:
            return track.stops[found.left].value
        if found.share == 1.0:
            return track.stops[found.right].value
        return track.bend(track.stops, found)

    def _weights(self, track: Track, seconds: float) -> dict[str, float]:
        values = self._value(track, seconds)
        total = math.fsum(values)
        return {name: value / total for name, value in zip(track.names, values, strict=True) if value > SMALL}

    def _base(self, seconds: float) -> Base:
        found = place(self.base.stops, seconds, self.period)
        first, second = self.bases[found.left], self.bases[found.right]
        if found.share in (0.0, 1.0) or first == second:
            return second if found.share == 1.0 else first
        if first.latent is not None or second.latent is not None:
            return Base(latent=interpolate_latents(first.latent, second.latent, found.share))
        values = dict(zip(self.base.names, self._value(self.base, seconds), strict=True))
        kept = {name: value for name, value in values.items() if abs(value) > SMALL}
        return Base(seeds=kept, space="w" if self._in_w else "z")

    @property
    def _in_w(self) -> bool:
        return mixes_in_w(self.spec, self.bases)


def route_of(timeline: Timeline, units: Mapping[str, Unit], spec: GeneratorSpec) -> Route:
    """The route of a timeline on a generator with these sliders; Invalid where they do not go together."""
    keys = timeline.keyframes
    period = timeline.length if timeline.play == "loop" else None
    wavy = timeline.curve == "spline"

    def tame(stops: Sequence[Stop], found: Place) -> Vector:
        return spline(stops, found, period, tame=True) if wavy else straight(stops, found)

    def free(stops: Sequence[Stop], found: Place) -> Vector:
        return spline(stops, found, period, tame=False) if wavy else straight(stops, found)

    for name in timeline.sliders():
        if name not in units:
            number = next(number for number, key in enumerate(keys, start=1) if name in key.sliders())
            sentence = f"Keyframe {number}: {spec.name} has no direction “{name}” to walk along."
            raise Invalid(sentence, "Pick one of the generator's sliders.")
    whole = [(key, key.edit) for key in keys if key.edit is not None]
    bases = tuple(edit.base for _, edit in whole)
    near = 4 if wavy and mixes_in_w(spec, bases) else 2  # the keyframes that have a part in a picture between two
    _few_enough(bases, period is not None, near)
    if any(base.space == "w" for base in bases) and not mixes_in_w(spec, bases):
        raise Invalid("Some keyframes mix seeds in w and others in z.", "Mix them in one space.")
    if any(base.latent is not None for base in bases):
        for base in bases[1:]:  # refuses, with its sentence, what does not meet
            interpolate_latents(bases[0].latent, base.latent, 0.5)
    rows = [_named(base.weights()) for base in bases]
    start = _track([key for key, _ in whole], rows, free if mixes_in_w(spec, bases) else arc)
    return Route(
        timeline=timeline,
        units=units,
        spec=spec,
        base=start,
        bases=bases,
        classes=_classes(keys, spec, tame),
        truncation=_one([(key, _truncation(key)) for key in keys], tame),
        amounts={
            name: _one([(key, _coordinate(key, name, unit)) for key in keys], tame)
            for name, unit in ((name, units[name]) for name in timeline.sliders())
        },
    )


def mixes_in_w(spec: GeneratorSpec, bases: Sequence[Base]) -> bool:
    """Whether bases can be mixed behind the mapping network: there is one, and none is a mix in front of it."""
    return "w" in spec.spaces and all(
        base.latent is None and (base.space == "w" or len(base.weights()) == 1) for base in bases
    )


def _track(keys: Sequence[Keyframe], rows: Sequence[Mapping[str, float]], bend: Any) -> Track:
    names = tuple(sorted({name for row in rows for name in row}))
    stops = [
        Stop(key.at, tuple(row.get(name, 0.0) for name in names), key.hold, key.easing)
        for key, row in zip(keys, rows, strict=True)
    ]
    return Track(names, tuple(stops), bend)


def _one(values: Sequence[tuple[Keyframe, float | None]], bend: Any) -> Track:
    named = [(key, {"": value}) for key, value in values if value is not None]
    return _track([key for key, _ in named], [row for _, row in named], bend)


def _classes(keys: Sequence[Keyframe], spec: GeneratorSpec, bend: Any) -> Track | None:
    first = keys[0].edit
    assert first is not None
    if not any(key.classes or (key.edit is not None and key.edit.classes) for key in keys):
        return None
    named = []
    for key in keys:
        if key.edit is not None:
            named.append((key, class_weights(key.edit, spec)))
        elif key.classes:
            named.append((key, class_weights(first.model_copy(update={"classes": key.classes}), spec)))
    return _track([key for key, _ in named], [row for _, row in named], bend)


def _truncation(key: Keyframe) -> float | None:
    return key.truncation if key.edit is None else key.edit.truncation


def _coordinate(key: Keyframe, name: str, unit: Unit) -> float | None:
    if key.edit is not None:
        return unit.coordinate(key.edit.amounts.get(name, unit.neutral))
    return unit.coordinate(key.amounts[name]) if name in key.amounts else None


def _named(weights: Mapping[int, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    return {str(seed): weight / total for seed, weight in weights.items()}


def _few_enough(bases: Sequence[Base], comes_round: bool, near: int) -> None:
    count = len(bases)
    for index in range(count):
        steps = range(index, index + near)
        mixed = [bases[step % count if comes_round else min(step, count - 1)] for step in steps]
        if len({seed for base in mixed for seed in base.weights()}) > MOST_SEEDS:
            raise Invalid(
                f"Between keyframe {index + 1} and the next more than {MOST_SEEDS} seeds are mixed.",
                "Mix fewer seeds in each.",
            )
