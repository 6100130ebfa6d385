"""The report card of a direction: what its slider does on held-out latents, beside baselines, with intervals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.errors import Invalid
from latentwalk.latents.latent_codec import limit_to_layers
from latentwalk.progress import Progress, Work
from latentwalk.steering import exact_moves, transforms
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.loss import masked_error
from latentwalk.steering.measuring.baselines import baselines
from latentwalk.steering.measuring.image_statistics import NAMES, image_statistics, leakage
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.opaque_generator import as_opaque
from latentwalk.steering.transforms import Transform
from models.base import Generator

LATENTS = 128
EACH = 32  # of every class, where there are many
CHUNK = 16
ASKED = (-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0)  # shares of the usable range
RESAMPLES = 1000
ORACLED = 32  # latents whose pictures are held against an exact move
ERRORS = ("edit", "identity", "slider", "slider_identity")


@dataclass(frozen=True, slots=True)
class _Seen:
    # What one chunk of latents showed: reached [A, N], errors [N] by name, leakage [N, attributes].
    reached: Tensor
    errors: Mapping[str, Tensor]
    leaked: Tensor
    classes: Tensor | None
    unchanged: bool


def measure(generator: Generator, direction: Direction, latents: int | None = None) -> Work[dict[str, Any]]:
    """The card, as JSON. Amounts are in the unit; slopes are taken in its coordinate.

    `slope`, `reached`, `monotone` and `leakage` are the slider's, calibrated, inside its usable range. `*_error` are
    the walk's as it was learned, masked squared errors at half the asked range averaged over both sides: what
    papers print, and comparable between directions whose usable ranges differ; so is `raw_slope`.
    `slider_error_ratio` is the slider's at half its usable range. Intervals are 95 % bootstrap over latents, of which
    there are 128, or 32 for each class where that is more; a class's `reached` are its means at both ends.
    Refuses a direction of another model, and one that imitates no transform.
    """
    direction.check(generator.spec)
    generator = as_opaque(generator)
    if "transform" not in direction.settings:
        raise Invalid(
            f"{direction.name} was found, not taught: there is no transform to measure it against.",
            "Measure a direction made by learn.",
        )
    transform = transforms.find(str(direction.settings["transform"]))
    started = time.perf_counter()
    latents = latents or max(LATENTS, EACH * len(generator.spec.classes))
    drawn = sample_latents(generator, latents, Role.JUDGE)
    asked = _coordinates(direction)
    seen: list[_Seen] = []
    for done, chunk in enumerate(drawn.split(CHUNK)):
        seen.append((yield from _look(generator, direction, transform, chunk, asked, done * CHUNK / latents * 0.8)))
    beside = yield from baselines(generator, direction, transform)
    card = _card(generator, direction, asked, seen, beside, time.perf_counter() - started)
    if transform.name in generator.spec.exact:
        card["oracle"] = exact_moves.psnr_against_exact(
            generator, direction, transform.name, next(drawn.split(ORACLED))
        )
    return card


def _coordinates(direction: Direction) -> list[float]:
    low, high = (direction.unit.coordinate(end) for end in direction.range)
    return [share * high if share > 0 else -share * low for share in ASKED]


def _look(
    generator: Generator,
    direction: Direction,
    transform: Transform,
    chunk: LatentBatch,
    asked: list[float],
    done: float,
) -> Work[_Seen]:
    def placed(latents: Tensor, moved: Tensor) -> Tensor:
        return limit_to_layers(latents, moved, direction.layers, generator.spec.layers)

    def steer(coordinate: float) -> Tensor:
        change = direction.displacement(chunk.latents, direction.unit.amount(coordinate))
        return generator.synthesize(placed(chunk.latents, chunk.latents + change), chunk.classes)

    with torch.no_grad():
        originals = generator.synthesize(chunk.latents, chunk.classes)
    steered = []
    for coordinate in asked:
        with torch.no_grad():
            steered.append(steer(coordinate))
        yield Progress(done, "Measuring on held-out latents")
    with torch.no_grad():
        reached = estimate_amount(originals, torch.stack(steered), transform)
    yield Progress(done, "Measuring on held-out latents")
    limit = direction.unit.coordinate(transform.limits(generator.spec.resolution)[1])
    full = float(direction.settings["full_step"])
    errors: dict[str, list[Tensor]] = {name: [] for name in ERRORS}
    leaked = []
    with torch.no_grad():
        population = image_statistics(originals, torch.ones_like(originals[:, :1]))
        for end in (asked[0] / 2, asked[-1] / 2):
            target, mask = transform(originals, originals.new_full((len(chunk),), end))
            images = steer(end)
            errors["slider"].append(masked_error(images, target, mask))
            errors["slider_identity"].append(masked_error(originals, target, mask))
            leaked.append(leakage(images, target, mask, population))
        for share in (-0.5, 0.5):
            target, mask = transform(originals, originals.new_full((len(chunk),), share * limit))
            learned = direction.walk.move(chunk.latents, chunk.latents.new_full((len(chunk),), share * full))
            images = generator.synthesize(placed(chunk.latents, learned), chunk.classes)
            errors["edit"].append(masked_error(images, target, mask))
            errors["identity"].append(masked_error(originals, target, mask))
    yield Progress(done, "Measuring on held-out latents")
    averages = {name: torch.stack(rows).mean(dim=0) for name, rows in errors.items()}
    unchanged = bool(torch.equal(steered[ASKED.index(0.0)], originals))
    return _Seen(reached, averages, torch.stack(leaked).mean(dim=0), chunk.classes, unchanged)


def _card(
    generator: Generator, direction: Direction, asked: list[float], seen: list[_Seen],
    beside: Mapping[str, float | None], seconds: float,
) -> dict[str, Any]:  # fmt: skip
    unit, settings = direction.unit, direction.settings
    reached = torch.cat([part.reached for part in seen], dim=1).cpu()
    errors = {name: torch.cat([part.errors[name] for part in seen]).cpu() for name in ERRORS}
    leaked = torch.cat([part.leaked for part in seen]).mean(dim=0)
    slopes = _slopes(reached, asked)
    low, high = _interval(slopes)
    edit, identity = float(errors["edit"].mean()), float(errors["identity"].mean())
    classes = None if seen[0].classes is None else torch.cat([p.classes for p in seen if p.classes is not None]).cpu()
    return {
        "generator": direction.generator,
        "direction": direction.id,
        "method": direction.method,
        "kind": direction.walk.kind,
        "unit": unit.symbol,
        "n": reached.shape[1],
        "slope": _round(float(slopes.mean())),
        "slope_ci": [_round(low), _round(high)],
        "monotone": _round(float((reached.diff(dim=0) > 0).all(dim=0).float().mean())),
        "range": list(direction.range),
        "asked_range": list(direction.requested_range),
        "stopped_by": settings.get("stopped_by"),
        "reached": [_point(unit.amount, amount, row) for amount, row in zip(asked, reached, strict=True)],
        "edit_error": _round(edit),
        "identity_error": _round(identity),
        "random_error": _round_if(beside["random"]),
        "closed_form_error": _round_if(beside["closed_form"]),
        "pca_error": _round_if(beside["pca"]),
        "error_ratio": _round(edit / identity),
        "slider_error_ratio": _round(float(errors["slider"].mean() / errors["slider_identity"].mean())),
        "leakage": _round(float(leaked.mean())),
        "leakage_by_attribute": {name: _round(float(value)) for name, value in zip(NAMES, leaked, strict=True)},
        "identity_at_zero": all(part.unchanged for part in seen),
        "raw": settings.get("raw"),
        "raw_slope": _raw_slope(direction),
        "seeds_cosine": settings.get("seeds_cosine"),
        "seconds": settings.get("seconds"),
        "measured_in_seconds": round(seconds, 1),
        "device": str(generator.device),
        "precision": generator.precision,
        "per_class": _per_class(direction, generator.spec.classes, classes, reached, slopes, errors),
    }


def _slopes(reached: Tensor, asked: list[float]) -> Tensor:
    # Least squares slope of each latent [N]; their mean is the slope of all together, as all share `asked`.
    centred = torch.tensor(asked) - sum(asked) / len(asked)
    return (centred[:, None] * reached).sum(dim=0) / centred.square().sum()


def _interval(values: Tensor) -> tuple[float, float]:
    picks = torch.randint(len(values), (RESAMPLES, len(values)), generator=torch.Generator().manual_seed(0))
    low, high = values[picks].mean(dim=1).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def _point(amount: Any, asked: float, reached: Tensor) -> list[float]:
    low, high = _interval(reached)
    return [_round(amount(number)) for number in (asked, float(reached.mean()), low, high)]


def _raw_slope(direction: Direction) -> float | None:
    # Reached per asked before calibration, over the whole span of training: the figure papers print.
    raw = direction.settings.get("raw")
    if not raw:
        return None
    limit = max(abs(direction.unit.coordinate(end)) for end in direction.requested_range)
    points = [[direction.unit.coordinate(number) for number in pair] for pair in raw]
    inside = [(asked, reached) for asked, reached in points if abs(asked) <= limit * 1.001]
    square = sum(asked * asked for asked, _ in inside)
    return _round(sum(asked * reached for asked, reached in inside) / square) if square else None


def _per_class(
    direction: Direction, names: tuple[str, ...], classes: Tensor | None,
    reached: Tensor, slopes: Tensor, errors: Mapping[str, Tensor],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    if classes is None:
        return {}
    table = {}
    for index, name in enumerate(names):
        chosen = classes[:, index] > 0.5
        if bool(chosen.any()):
            ratio = float(errors["edit"][chosen].mean() / errors["identity"][chosen].mean())
            table[name] = {
                "n": int(chosen.sum()),
                "slope": _round(float(slopes[chosen].mean())),
                "reached": [_round(direction.unit.amount(float(reached[end, chosen].mean()))) for end in (0, -1)],
                "error_ratio": _round(ratio),
            }
    return table


def _round(value: float) -> float:
    return float(f"{value:.4g}")


def _round_if(value: float | None) -> float | None:
    return None if value is None else _round(value)
