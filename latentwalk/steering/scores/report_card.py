"""The report card of a score's direction: what it does on held-out latents to its own score and to all others."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.measuring.diversity import diversity
from latentwalk.steering.measuring.figures import common_figures, round_figure, rounded_interval, slopes
from latentwalk.steering.scores.factors import factors, leakage, rescoring
from latentwalk.steering.scores.scoring import CHUNK, scores, steer
from models.base import Generator
from models.regressors.protocol import Regressor

LATENTS = 128
REQUESTED = (-1.0, -0.5, 0.0, 0.5, 1.0)  # shares of the usable range: GANalyze's five clones of a seed
LOWER_HALF, MIDDLE, UPPER_HALF = 1, 2, 3  # indices into REQUESTED
RANDOM = 4
RANDOM_LATENTS = 32


@dataclass(frozen=True, slots=True, eq=False)
class RegressorSet:
    """The regressors that measure a direction: its own, all others, and optionally a second one of the same quality."""

    regressor: Regressor
    others: Sequence[Regressor] = ()
    second: Regressor | None = None

    def other_regressors(self) -> dict[str, Regressor]:
        """The others and the second regressor by name, without the direction's own."""
        own = self.regressor.spec.fingerprint
        others = {one.spec.name: one for one in self.others if one.spec.fingerprint != own}
        return others | ({self.second.spec.name: self.second} if self.second else {})


@dataclass(frozen=True, slots=True, eq=False)
class _Scores:
    # Scores [A, N] at each requested amount: own, and others by name; diversity [A].
    own: Tensor
    others: Mapping[str, Tensor]
    diversity: list[float]


def measure(
    generator: Generator, direction: Direction, regressors: RegressorSet, latents: int = LATENTS
) -> Work[dict[str, Any]]:
    """The report card as JSON, in the form of a transform's; amounts are changes of score.

    The `*_error` figures are mean squared errors of the requested change at half range: of the slider, of no change,
    and of random directions with steps as long. `leakage` is taken over the other regressors. `judge` is the slider
    re-scored by the second regressor, or None. Intervals are 95 % bootstrap intervals over latents. Raises Invalid
    for a direction of another generator.
    """
    direction.check(generator.spec)
    start = time.perf_counter()
    batch = sample_latents(generator, latents, Role.EVALUATE, balanced=True)
    low, high = direction.range
    requested = [share * high if share > 0 else -share * low for share in REQUESTED]
    measured = yield from _score_all(generator, direction, regressors, batch, requested)
    random_error = yield from _random_error(generator, direction, regressors.regressor, requested)
    base = measured.own[MIDDLE].clone()
    reached = measured.own - base
    each, rises = slopes(reached, requested), reached.diff(dim=0) > 0
    edit, identity = _error(requested, reached), _error(requested, torch.zeros_like(reached))
    neutral = direction.displacement(batch.latents, direction.unit.neutral, batch.classes)
    return {
        **common_figures(generator, direction, requested, reached, time.perf_counter() - start),
        "regressor": direction.settings.get("regressor"),
        "positive": round_figure(float((each > 0).float().mean())),
        "monotone_steps": round_figure(float(rises.float().mean())),
        "edit_error": round_figure(edit),
        "identity_error": round_figure(identity),
        "random_error": round_figure(random_error),
        "error_ratio": round_figure(edit / identity),
        "student": direction.settings.get("student"),
        **_other_figures(requested, measured.others, regressors, base),
        "diversity": [
            [round_figure(amount), round_figure(value / measured.diversity[MIDDLE])]
            for amount, value in zip(requested, measured.diversity, strict=True)
        ],
        "identity_at_zero": bool(torch.equal(batch.latents + neutral, batch.latents)),
        "base": [round_figure(float(base.mean())), round_figure(float(base.std()))],
        "per_class": _per_class(generator.spec.classes, batch.classes, requested, reached),
    }  # fmt: skip


def _score_all(
    generator: Generator, direction: Direction, regressors: RegressorSet, batch: LatentBatch, requested: list[float]
) -> Work[_Scores]:
    other_regressors = regressors.other_regressors()
    own = torch.empty(len(requested), len(batch))
    others = {name: torch.empty(len(requested), len(batch)) for name in other_regressors}
    diversities = []
    for row, amount in enumerate(requested):
        steered = []
        for index, chunk in enumerate(batch.split(CHUNK)):
            columns = slice(index * CHUNK, index * CHUNK + len(chunk))
            with torch.no_grad():
                images = steer(generator, direction.walk, chunk, direction.steps(amount))
                own[row, columns] = scores(regressors.regressor, images).cpu()
                for name, other in other_regressors.items():
                    others[name][row, columns] = scores(other, images).cpu()
            steered.append(images)
            share = (row + columns.stop / len(batch)) / len(requested)
            yield Progress(share * 0.85, "Measuring on held-out latents")
        diversities.append(diversity(torch.cat(steered), batch))
    return _Scores(own, others, diversities)


def _other_figures(
    requested: list[float], values: Mapping[str, Tensor], regressors: RegressorSet, base: Tensor
) -> dict[str, Any]:
    spreads = {name: max(float(scores[MIDDLE].std()), 1e-6) for name, scores in values.items()}
    second = regressors.second.spec.name if regressors.second else None
    measures = {name: scores for name, scores in values.items() if name != second}
    leaks = leakage(measures, requested, spreads)
    return {
        "leakage": round_figure(sum(leaks.values()) / len(leaks)) if leaks else None,
        "leakage_by_attribute": leaks,
        "rescoring": rescoring(measures, requested, spreads),
        "factors": factors(measures, requested, spreads),
        "judge": None if second is None else _second_figures(second, values[second], requested, base),
    }


def _second_figures(name: str, values: Tensor, requested: list[float], base: Tensor) -> dict[str, Any]:
    each = slopes(values - values[MIDDLE], requested)
    return {
        "name": name,
        "slope": round_figure(float(each.mean())),
        "slope_ci": rounded_interval(each),
        "positive": round_figure(float((each > 0).float().mean())),
        "agreement": round_figure(float(torch.corrcoef(torch.stack([base, values[MIDDLE]]))[0, 1])),
    }


def _error(requested: list[float], reached: Tensor) -> float:
    halves = [LOWER_HALF, UPPER_HALF]
    return float((reached[halves] - torch.tensor(requested)[halves, None]).square().mean())


def _random_error(
    generator: Generator, direction: Direction, regressor: Regressor, requested: list[float]
) -> Work[float]:
    # Random directions with steps as long as the slider's own at half range.
    width = generator.spec.spaces[direction.space][-1]
    noise = torch.randn(RANDOM, width, generator=torch.Generator().manual_seed(direction.seed))
    preserves_length = isinstance(direction.walk, ArcWalk) and direction.walk.keeps_norm
    walks = [ArcWalk((row / row.norm())[None].to(generator.device), preserves_length) for row in noise]
    batch = sample_latents(generator, RANDOM_LATENTS, Role.EVALUATE, balanced=True)
    total = 0.0
    for index, chunk in enumerate(batch.split(CHUNK)):
        with torch.no_grad():
            before = scores(regressor, generator.synthesize(chunk.latents, chunk.classes))
        for walk in walks:
            for half in (LOWER_HALF, UPPER_HALF):
                with torch.no_grad():
                    images = steer(generator, walk, chunk, direction.steps(requested[half]))
                    error = scores(regressor, images) - before - requested[half]
                total += float(error.square().sum()) / (RANDOM_LATENTS * RANDOM * 2)
                yield Progress(0.85 + 0.15 * index * CHUNK / RANDOM_LATENTS, "Measuring random directions")
    return total


def _per_class(
    names: tuple[str, ...], classes: Tensor | None, requested: list[float], reached: Tensor
) -> dict[str, Any]:
    if classes is None:
        return {}
    table, each = {}, slopes(reached, requested)
    for index, name in enumerate(names):
        members = (classes[:, index] > 0.5).cpu()
        if bool(members.any()):
            edit, identity = (_error(requested, part[:, members]) for part in (reached, torch.zeros_like(reached)))
            table[name] = {
                "n": int(members.sum()),
                "slope": round_figure(float(each[members].mean())),
                "positive": round_figure(float((each[members] > 0).float().mean())),
                "error_ratio": round_figure(edit / identity),
            }
    return table
