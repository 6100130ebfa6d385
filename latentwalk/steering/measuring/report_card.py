"""The report card of a transform's direction: what its slider does on held-out latents, compared with baselines."""

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
from latentwalk.steering.measuring.baselines import BaselineErrors, baselines
from latentwalk.steering.measuring.figures import common_figures, round_figure, slopes
from latentwalk.steering.measuring.image_statistics import NAMES, image_statistics, leakage
from latentwalk.steering.measuring.transform_estimator import estimate_amount
from latentwalk.steering.opaque_generator import as_opaque
from latentwalk.steering.transforms import Transform
from models.base import Generator

LATENTS = 128
LATENTS_PER_CLASS = 32  # if that makes more than LATENTS
CHUNK = 16
REQUESTED = (-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0)  # shares of the usable range
EXACT_LATENTS = 32  # latents on which a slider is compared with an exact move
ERRORS = ("edit", "identity", "slider", "slider_identity")


@dataclass(frozen=True, slots=True)
class _ChunkFigures:
    # What one chunk of latents showed: reached [A, N], errors [N] by name, leakage [N, statistics].
    reached: Tensor
    errors: Mapping[str, Tensor]
    leaked: Tensor
    classes: Tensor | None
    is_identity_at_zero: bool


def measure(generator: Generator, direction: Direction, latents: int | None = None) -> Work[dict[str, Any]]:
    """The report card, as JSON. Amounts are in the unit; slopes are taken in its coordinate.

    `slope`, `reached`, `monotone` and `leakage` describe the calibrated slider inside its usable range. The
    `*_error` figures describe the walk as learned: masked squared errors at half the requested range, averaged over
    both sides, as papers report them; like `raw_slope` they are comparable between directions with different usable
    ranges. `slider_error_ratio` is the slider's at half its usable range. Intervals are 95 % bootstrap intervals over
    the latents, 128 or 32 per class, whichever is more; a class's `reached` are its means at both ends. Raises Invalid
    for a direction of another generator, and for one that imitates no transform.
    """
    direction.check(generator.spec)
    generator = as_opaque(generator)
    if "transform" not in direction.settings:
        raise Invalid(
            f"{direction.name} was discovered, not learned: there is no transform to measure it against.",
            "Measure a direction that learn created.",
        )
    transform = transforms.find(str(direction.settings["transform"]))
    start = time.perf_counter()
    latents = latents or max(LATENTS, LATENTS_PER_CLASS * len(generator.spec.classes))
    batch = sample_latents(generator, latents, Role.EVALUATE)
    low, high = (direction.unit.coordinate(end) for end in direction.range)
    requested = [share * high if share > 0 else -share * low for share in REQUESTED]
    figures: list[_ChunkFigures] = []
    for chunk in batch.split(CHUNK):
        share = len(figures) * CHUNK / latents * 0.8
        figures.append((yield from _measure_chunk(generator, direction, transform, chunk, requested, share)))
    errors = yield from baselines(generator, direction, transform)
    card = _card(generator, direction, requested, figures, errors, time.perf_counter() - start)
    if transform.name in generator.spec.exact:
        exact_batch = next(batch.split(EXACT_LATENTS))
        card["oracle"] = exact_moves.psnr_against_exact(generator, direction, transform.name, exact_batch)
    return card


def _measure_chunk(
    generator: Generator, direction: Direction, transform: Transform, chunk: LatentBatch, requested: list[float],
    share: float,
) -> Work[_ChunkFigures]:  # fmt: skip
    report = Progress(share, "Measuring on held-out latents")

    def synthesize(moved: Tensor) -> Tensor:
        moved = limit_to_layers(chunk.latents, moved, direction.layers, generator.spec.layers)
        return generator.synthesize(moved, chunk.classes)

    def steer(coordinate: float) -> Tensor:
        return synthesize(chunk.latents + direction.displacement(chunk.latents, direction.unit.amount(coordinate)))

    with torch.no_grad():
        originals = generator.synthesize(chunk.latents, chunk.classes)
    steered = []
    for coordinate in requested:
        with torch.no_grad():
            steered.append(steer(coordinate))
        yield report
    with torch.no_grad():
        reached = estimate_amount(originals, torch.stack(steered), transform)
    yield report
    limit = direction.unit.coordinate(transform.limits(generator.spec.resolution)[1])
    full = float(direction.settings["full_step"])
    errors: dict[str, list[Tensor]] = {name: [] for name in ERRORS}
    leaked = []
    with torch.no_grad():
        population = image_statistics(originals, torch.ones_like(originals[:, :1]))
        for end in (requested[0] / 2, requested[-1] / 2):
            target, mask = transform(originals, originals.new_full((len(chunk),), end))
            images = steer(end)
            errors["slider"].append(masked_error(images, target, mask))
            errors["slider_identity"].append(masked_error(originals, target, mask))
            leaked.append(leakage(images, target, mask, population))
        for half in (-0.5, 0.5):
            target, mask = transform(originals, originals.new_full((len(chunk),), half * limit))
            steps = chunk.latents.new_full((len(chunk),), half * full)
            images = synthesize(direction.walk.move(chunk.latents, steps))
            errors["edit"].append(masked_error(images, target, mask))
            errors["identity"].append(masked_error(originals, target, mask))
    yield report
    averages = {name: torch.stack(rows).mean(dim=0) for name, rows in errors.items()}
    is_identity = bool(torch.equal(steered[REQUESTED.index(0.0)], originals))
    return _ChunkFigures(reached, averages, torch.stack(leaked).mean(dim=0), chunk.classes, is_identity)


def _card(
    generator: Generator, direction: Direction, requested: list[float], chunks: list[_ChunkFigures],
    others: BaselineErrors, seconds: float,
) -> dict[str, Any]:  # fmt: skip
    reached = torch.cat([chunk.reached for chunk in chunks], dim=1).cpu()
    errors = {name: torch.cat([chunk.errors[name] for chunk in chunks]).cpu() for name in ERRORS}
    leaked = torch.cat([chunk.leaked for chunk in chunks]).mean(dim=0)
    edit, identity = float(errors["edit"].mean()), float(errors["identity"].mean())
    parts = [chunk.classes for chunk in chunks if chunk.classes is not None]
    classes = torch.cat(parts).cpu() if parts else None
    return {
        **common_figures(generator, direction, requested, reached, seconds),
        "edit_error": round_figure(edit),
        "identity_error": round_figure(identity),
        "random_error": round_figure(others.random),
        "closed_form_error": None if others.closed_form is None else round_figure(others.closed_form),
        "pca_error": None if others.pca is None else round_figure(others.pca),
        "error_ratio": round_figure(edit / identity),
        "slider_error_ratio": round_figure(float(errors["slider"].mean() / errors["slider_identity"].mean())),
        "leakage": round_figure(float(leaked.mean())),
        "leakage_by_attribute": {
            name: round_figure(float(value)) for name, value in zip(NAMES, leaked, strict=True)
        },
        "identity_at_zero": all(chunk.is_identity_at_zero for chunk in chunks),
        "per_class": _per_class(
            direction, generator.spec.classes, classes, slopes(reached, requested), reached, errors
        ),
    }  # fmt: skip


def _per_class(
    direction: Direction, names: tuple[str, ...], classes: Tensor | None, each: Tensor, reached: Tensor,
    errors: Mapping[str, Tensor],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    if classes is None:
        return {}
    table = {}
    for index, name in enumerate(names):
        members = classes[:, index] > 0.5
        if bool(members.any()):
            ratio = float(errors["edit"][members].mean() / errors["identity"][members].mean())
            ends = [direction.unit.amount(float(reached[end, members].mean())) for end in (0, -1)]
            table[name] = {
                "n": int(members.sum()),
                "slope": round_figure(float(each[members].mean())),
                "reached": [round_figure(end) for end in ends],
                "error_ratio": round_figure(ratio),
            }
    return table
