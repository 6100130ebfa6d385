"""The report card of a score's slider: what it does on held-out latents, to its own score and to all others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, sample_latents
from latentwalk.steering.scores.diversity import spread_of
from latentwalk.steering.scores.factors import factors, interval, leakage, rescoring, round_to, slopes
from latentwalk.steering.scores.scoring import CHUNK, scores, steered
from models.base import Generator
from models.regressors.protocol import Regressor

LATENTS = 128
ASKED = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the usable range: GANalyze's five clones of a seed
RANDOM = 4
RANDOM_LATENTS = 32
SAYS = "Measuring on held-out latents"


@dataclass(frozen=True, slots=True, eq=False)
class RegressorSet:
    """Who looks at a slider: its own judge, every other measure, and a second judge of the same thing if any."""

    judge: Regressor
    others: Sequence[Regressor] = ()
    second: Regressor | None = None

    def everybody(self) -> dict[str, Regressor]:
        """By name, each once; the slider's own judge is not among the others."""
        found = {one.spec.name: one for one in self.others if one.spec.fingerprint != self.judge.spec.fingerprint}
        return found | ({self.second.spec.name: self.second} if self.second else {})


def measure(
    generator: Generator, direction: Direction, panel: RegressorSet, latents: int = LATENTS
) -> Work[dict[str, Any]]:
    """The card, as JSON, in the shape of a transform's; amounts are changes of score.

    `*_error` are mean squared misses of the asked change at half range: of the slider, of doing nothing, and of
    random directions with steps as long. `leakage` is over the other measures. `judge` is the slider re-scored by
    the second judge, where there is one. Intervals are 95 % bootstrap over latents.
    """
    direction.check(generator.spec)
    started = time.perf_counter()
    drawn = sample_latents(generator, latents, Role.JUDGE, in_turn=True)
    low, high = direction.range
    asked = [share * high if share > 0 else -share * low for share in ASKED]
    everybody = panel.everybody()
    reached = torch.empty(len(asked), latents)
    others = {name: torch.empty(len(asked), latents) for name in everybody}
    alike = []
    for row, amount in enumerate(asked):
        pictures = []
        for index, chunk in enumerate(drawn.split(CHUNK)):
            place = slice(index * CHUNK, index * CHUNK + len(chunk))
            with torch.no_grad():
                images = steered(generator, direction.walk, chunk, direction.steps(amount))
                reached[row, place] = scores(panel.judge, images).cpu()
                for name, other in everybody.items():
                    others[name][row, place] = scores(other, images).cpu()
            pictures.append(images)
            yield Progress((row + place.stop / latents) / len(asked) * 0.85, SAYS)
        alike.append(spread_of(torch.cat(pictures), drawn.classes))
    random = yield from _random(generator, direction, panel.judge, asked)
    base = reached[ASKED.index(0.0)].clone()
    reached = reached - base
    return {
        **_figures(direction, asked, reached, random),
        **_beside(asked, others, panel, base),
        "diversity": [[round_to(a), round_to(s / alike[ASKED.index(0.0)])] for a, s in zip(asked, alike, strict=True)],
        "identity_at_zero": bool(torch.equal(_still(direction, drawn), drawn.latents)),
        "base": [round_to(float(base.mean())), round_to(float(base.std()))],
        "seconds": direction.settings.get("seconds"),
        "measured_in_seconds": round(time.perf_counter() - started, 1),
        "device": str(generator.device),
        "precision": generator.precision,
        "per_class": _per_class(generator.spec.classes, drawn.classes, asked, reached),
    }


def _figures(direction: Direction, asked: list[float], reached: Tensor, random: float) -> dict[str, Any]:
    each = slopes(reached, asked)
    low, high = interval(each)
    rises = reached.diff(dim=0) > 0
    edit, identity = _error(asked, reached), _error(asked, torch.zeros_like(reached))
    settings = direction.settings
    return {
        "generator": direction.generator,
        "direction": direction.id,
        "method": direction.method,
        "kind": direction.walk.kind,
        "unit": direction.unit.symbol,
        "regressor": settings.get("regressor"),
        "n": reached.shape[1],
        "slope": round_to(float(each.mean())),
        "slope_ci": [round_to(low), round_to(high)],
        "positive": round_to(float((each > 0).float().mean())),
        "monotone": round_to(float(rises.all(dim=0).float().mean())),
        "monotone_steps": round_to(float(rises.float().mean())),
        "range": list(direction.range),
        "asked_range": list(direction.requested_range),
        "stopped_by": settings.get("stopped_by"),
        "reached": [
            [round_to(number) for number in (amount, float(row.mean()), *interval(row))]
            for amount, row in zip(asked, reached, strict=True)
        ],
        "edit_error": round_to(edit),
        "identity_error": round_to(identity),
        "random_error": round_to(random),
        "error_ratio": round_to(edit / identity),
        "raw": settings.get("raw"),
        "raw_slope": raw_slope(direction),
        "seeds_cosine": settings.get("seeds_cosine"),
        "student": settings.get("student"),
    }


def _beside(asked: list[float], others: dict[str, Tensor], panel: RegressorSet, base: Tensor) -> dict[str, Any]:
    middle = ASKED.index(0.0)
    spreads = {name: max(float(found[middle].std()), 1e-6) for name, found in others.items()}
    second = panel.second.spec.name if panel.second else None
    measures = {name: found for name, found in others.items() if name != second}
    leaks = leakage(measures, asked, spreads)
    judge = None
    if panel.second is not None and second is not None:
        found = others[second]
        each = slopes(found - found[middle], asked)
        low, high = interval(each)
        judge = {
            "name": second,
            "slope": round_to(float(each.mean())),
            "slope_ci": [round_to(low), round_to(high)],
            "positive": round_to(float((each > 0).float().mean())),
            "agreement": round_to(float(torch.corrcoef(torch.stack([base, found[middle]]))[0, 1])),
        }
    return {
        "leakage": round_to(sum(leaks.values()) / len(leaks)) if leaks else None,
        "leakage_by_attribute": leaks,
        "rescoring": rescoring(measures, asked, spreads),
        "factors": factors(measures, asked, spreads),
        "judge": judge,
    }


def _still(direction: Direction, drawn: LatentBatch) -> Tensor:
    return drawn.latents + direction.displacement(drawn.latents, direction.unit.neutral, drawn.classes)


def raw_slope(direction: Direction) -> float | None:
    """Reached per asked before calibration, over the asked span: the figure papers print; None without a record."""
    inside = [(a, r) for a, r in direction.settings.get("raw") or [] if abs(a) <= direction.requested_range[1] * 1.001]
    square = sum(a * a for a, _ in inside)
    return round_to(sum(a * r for a, r in inside) / square) if square else None


def _error(asked: list[float], reached: Tensor) -> float:
    halves = [ASKED.index(-0.5), ASKED.index(0.5)]
    return float((reached[halves] - torch.tensor(asked)[halves, None]).square().mean())


def _random(generator: Generator, direction: Direction, judge: Regressor, asked: list[float]) -> Work[float]:
    # Random directions with steps as long as the slider's own at half range.
    width = generator.spec.spaces[direction.space][-1]
    noise = torch.randn(RANDOM, width, generator=torch.Generator().manual_seed(direction.seed))
    kept = isinstance(direction.walk, ArcWalk) and direction.walk.keeps_norm
    walks = [ArcWalk((row / row.norm())[None].to(generator.device), kept) for row in noise]
    total = 0.0
    for index, chunk in enumerate(sample_latents(generator, RANDOM_LATENTS, Role.JUDGE, in_turn=True).split(CHUNK)):
        with torch.no_grad():
            before = scores(judge, generator.synthesize(chunk.latents, chunk.classes))
        for walk in walks:
            for half in (ASKED.index(-0.5), ASKED.index(0.5)):
                with torch.no_grad():
                    images = steered(generator, walk, chunk, direction.steps(asked[half]))
                    miss = scores(judge, images) - before - asked[half]
                total += float(miss.square().sum()) / (RANDOM_LATENTS * RANDOM * 2)
                yield Progress(0.85 + 0.15 * index * CHUNK / RANDOM_LATENTS, "Measuring random directions")
    return total


def _per_class(names: tuple[str, ...], classes: Tensor | None, asked: list[float], reached: Tensor) -> dict[str, Any]:
    if classes is None:
        return {}
    table, each = {}, slopes(reached, asked)
    for index, name in enumerate(names):
        chosen = (classes[:, index] > 0.5).cpu()
        if bool(chosen.any()):
            edit, still = (_error(asked, part[:, chosen]) for part in (reached, torch.zeros_like(reached)))
            table[name] = {
                "n": int(chosen.sum()),
                "slope": round_to(float(each[chosen].mean())),
                "positive": round_to(float((each[chosen] > 0).float().mean())),
                "error_ratio": round_to(edit / still),
            }
    return table
