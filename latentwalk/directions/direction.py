"""Direction: a learned slider as a frozen value, and the projection that keeps directions apart."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.latent_walk import Walk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid
from models.specs import GeneratorSpec

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_STEPS = 64.0  # of a path; each costs as much as a small network, and a file must not be able to request millions
TRACK_TOLERANCE = 1e-6  # of the track's length; amounts that were rounded to the track's end are accepted
DEPENDENT = 1e-4  # a held axis whose part outside the span of the others is shorter adds no axis


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A slider: a walk through latent space, calibrated so that amounts are effects in a unit.

    id, name         identifier (also its file name) and title
    group            "geometry", "colour", "attributes" or "discovered"
    generator, fingerprint
                     the generator's name and the fingerprint of the weights; it works with no others
    space            latent space that the walk moves in: "z", "w", "s" (styles) or "move"
    unit             unit of all amounts
    walk, curve      how a latent moves, and which latent step gives which effect
    range            measured usable range (lowest and highest amount)
    track            range that a slider offers; the part outside `range` is past the measured limit
    requested_range  range that was requested when it was learned
    method, seed, created, settings
                     how it was made
    layers           layers [first, stop) it acts on; None means all
    verdict          "strong", "partial", "weak" or "unmeasured"
    note             what a person should know about its quality, in one or two sentences
    licence          licence of the direction
    card             its report card as JSON, None where it was not measured

    Raises Invalid for an id that cannot be a file name, ValueError for a path of too many steps.
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
    requested_range: tuple[float, float]
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
        """Raise Invalid where this direction was made for other weights."""
        if self.fingerprint != spec.fingerprint:
            raise Invalid(
                f"“{self.name}” was made for {self.generator} ({short_fingerprint(self.fingerprint)}), not for "
                f"{spec.name} ({short_fingerprint(spec.fingerprint)}).",
                f"Learn it again on {spec.name}: latentwalk learn {self.id} --generator {spec.name}",
            )

    def steps(self, amount: float) -> float:
        """The latent step for an amount. Raises Invalid for an amount outside the track.

        An amount that reads like an end of the track, which people see rounded, is that end.
        """
        coordinate = self.unit.coordinate(amount)
        low, high = (self.unit.coordinate(end) for end in self.track)
        tolerance = TRACK_TOLERANCE * (high - low)
        if not low - tolerance <= coordinate <= high + tolerance:
            for end, place in zip(self.track, (low, high), strict=True):
                if self.unit.describe(amount) == self.unit.describe(end):
                    return self.curve.step(place)
            raise Invalid(
                f"{self.name} cannot go to {self.unit.describe(amount)}: its track runs from "
                f"{self.unit.describe(self.track[0])} to {self.unit.describe(self.track[1])}.",
                "Choose an amount on the track.",
            )
        return self.curve.step(coordinate)

    def displacement(self, latents: Tensor, amount: float, classes: Tensor | None = None) -> Tensor:
        """The change [N, D] of latents [N, D] for an amount; exactly zero at the neutral amount.

        `classes` are weights [N or 1, classes], which only a walk with one vector for each class needs.
        """
        step = self.steps(amount)
        if step == 0.0:
            return torch.zeros_like(latents)
        return self.walk.move(latents, latents.new_full((len(latents),), step), classes) - latents


def project_off(displacement: Tensor, held: Sequence[Direction], classes: Tensor | None = None) -> Tensor:
    """`displacement` [N, D] without its component in the span of the held directions (InterFaceGAN, section 3.3).

    `classes` [1, K] select the axis of a direction with one vector for each class. Raises Invalid for a held
    direction that has no single axis.
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
    basis: Tensor = axes[:, rest.diagonal().abs() > DEPENDENT]
    return displacement - (displacement @ basis) @ basis.T


def check_id(id: str, what: str = "direction") -> None:
    """Raise Invalid for an id of a `what` (a direction, a generator, a regressor) that is no portable file name."""
    if not NAME.fullmatch(id):
        raise Invalid(
            f"“{id[:60]}” cannot name a {what}.",
            "Use lower-case letters, digits and underscores, a letter first, at most 40 characters.",
        )


def short_fingerprint(fingerprint: str) -> str:
    """The first eight hexadecimal digits of a fingerprint, for people to compare."""
    return fingerprint.removeprefix("sha256:")[:8]
