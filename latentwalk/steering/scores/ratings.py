"""Ratings by hand as a judge: a table of seed and score, or which of two is better, fitted, or refused as too noisy."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentwalk.edit import LARGEST_SEED
from latentwalk.errors import Invalid
from latentwalk.latents.class_weights import class_tensor
from latentwalk.progress import Progress, Work
from latentwalk.steering.scores.reliability import correlation, fisher
from models.base import Generator
from models.regressors import ratings_model

FEWEST = 12  # rated pictures: below it no correlation says anything
MOST = 20_000
FOLDS = 5
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # times the number of ratings
PRIOR = 0.1  # of Bradley-Terry: draws strengths towards zero, so that one who always wins has a finite one
HINT = "Give lines of seed,score with a heading; a column class is optional."


@dataclass(frozen=True, slots=True)
class Rating:
    """One picture and its score; `classes` are weights, none means the generator's default."""

    seed: int
    score: float
    classes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PairwiseChoice:
    """Of two pictures the better and the worse, as (seed, classes)."""

    better: tuple[int, Mapping[str, float]]
    worse: tuple[int, Mapping[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class RatingsFit:
    """A fit and how far to trust it: held-out correlation with its 95 % interval over `n` pictures."""

    state: Mapping[str, Tensor]
    correlation: float
    interval: tuple[float, float]
    n: int
    span: tuple[float, float]


def read_csv(data: bytes) -> list[Rating]:
    """Ratings from a table with columns seed and score, and optionally class; Invalid names the line at fault."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Invalid("That is not a table of ratings.", HINT) from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not {"seed", "score"} <= set(heading) or not set(heading) <= {"seed", "score", "class"}:
        raise Invalid("The table's first line does not name seed and score.", HINT)
    if len(rows) - 1 > MOST:
        raise Invalid(f"{len(rows) - 1} ratings are too many.", f"Give at most {MOST}.")
    found = []
    for number, row in enumerate(rows[1:], start=2):
        cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
        try:
            if len(row) != len(heading):
                raise ValueError
            seed, score = int(cells["seed"]), float(cells["score"])
            if not 0 <= seed <= LARGEST_SEED or not math.isfinite(score) or abs(score) > 1e9:
                raise ValueError
        except ValueError:
            raise Invalid(f"Line {number} of the table is not a seed and a score.", HINT) from None
        found.append(Rating(seed, score, {cells["class"]: 1.0} if cells.get("class") else {}))
    return found


def bradley_terry(picks: Sequence[PairwiseChoice]) -> list[Rating]:
    """Strengths of every picture that was ever picked or passed over, in logits, with mean zero.

    The maximum of the posterior under P(i over j) = 1 / (1 + exp(s_j - s_i)) (Bradley and Terry 1952) with a small
    Gaussian prior, by Newton's method.
    """
    keys = [(seed, tuple(sorted(classes.items()))) for pick in picks for seed, classes in (pick.better, pick.worse)]
    order = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    if not order:
        return []
    wins = torch.tensor([order[key] for key in keys[0::2]])
    losses = torch.tensor([order[key] for key in keys[1::2]])
    strengths = torch.zeros(len(order), dtype=torch.float64)
    ones = torch.ones(len(wins), dtype=torch.float64)
    for _ in range(50):
        chance = torch.sigmoid(strengths[wins] - strengths[losses])
        slope = -PRIOR * strengths
        slope = slope.index_add(0, wins, ones - chance).index_add(0, losses, chance - ones)
        weight = chance * (1 - chance)
        bend = PRIOR * torch.eye(len(order), dtype=torch.float64)
        for first, second, sign in ((wins, wins, 1), (losses, losses, 1), (wins, losses, -1), (losses, wins, -1)):
            bend.index_put_((first, second), sign * weight, accumulate=True)
        step = torch.linalg.solve(bend, slope)
        strengths = strengths + step
        if float(step.abs().max()) < 1e-9:
            break
    strengths = strengths - strengths.mean()
    return [Rating(seed, float(strengths[index]), dict(classes)) for (seed, classes), index in order.items()]


def fit_ratings(generator: Generator, ratings: Sequence[Rating]) -> Work[RatingsFit]:
    """Fit ratings on features of the pictures they are of; refused, with the figures, where there are too few or
    where what is held out cannot be told from chance.
    """
    merged = _merged(ratings)
    if len(merged) < FEWEST:
        raise Invalid(
            f"{len(merged)} rated pictures are too few to learn from.",
            f"Rate at least {FEWEST}; 40 make a fair slider.",
        )
    rows = []
    for number, one in enumerate(merged):
        with torch.no_grad():
            rows.append(ratings_model.features(_picture(generator, one))[0].cpu())
        if number % 8 == 0:
            yield Progress(number / len(merged), f"Looking at picture {number + 1} of {len(merged)}")
    seen, wanted = torch.stack(rows).double(), torch.tensor([one.score for one in merged], dtype=torch.float64)
    if float(wanted.std()) < 1e-9:
        raise Invalid("All ratings are the same.", "Use the whole scale: a slider needs pictures that differ.")
    guesses = _held_out(seen, wanted)
    found = correlation(guesses, wanted)
    low, high = fisher(found, len(merged))
    if low <= 0:
        raise Invalid(
            f"These ratings are too noisy to learn from: predicted for pictures held out, they correlate by "
            f"{found:.2f} (95 % interval {low:.2f} to {high:.2f}, {len(merged)} pictures), which may be chance.",
            "Rate more pictures, or rate by one thing that the pictures show.",
        )
    penalty = _choose(seen, wanted)
    weights, centre, scale, bias = _ridge(seen, wanted, penalty)
    state = {"weights": weights, "centre": centre, "scale": scale, "bias": bias}
    span = (float(wanted.min()), float(wanted.max()))
    return RatingsFit({k: v.float().clone() for k, v in state.items()}, round(found, 4), (low, high), len(merged), span)


def _merged(ratings: Sequence[Rating]) -> list[Rating]:
    # A picture rated more than once counts once, with its mean: else it would be on both sides of a fold.
    groups: dict[tuple[int, tuple[tuple[str, float], ...]], list[float]] = {}
    for one in ratings:
        groups.setdefault((one.seed, tuple(sorted(one.classes.items()))), []).append(one.score)
    return [Rating(seed, sum(marks) / len(marks), dict(classes)) for (seed, classes), marks in groups.items()]


def _picture(generator: Generator, one: Rating) -> Tensor:
    spec = generator.spec
    wanted = dict(one.classes or spec.default_classes) if spec.classes else {}
    for name in one.classes:
        if name not in spec.classes:
            known = f"It has {', '.join(spec.classes)}." if spec.classes else "Leave the class out."
            raise Invalid(f"{spec.name} has no class “{name[:60]}”.", known)
    total = sum(wanted.values())
    weights = class_tensor({name: weight / total for name, weight in wanted.items()}, spec, generator.device)
    return generator.synthesize(generator.map(generator.sample([one.seed]), weights), weights)


def _ridge(seen: Tensor, wanted: Tensor, penalty: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    centre, scale = seen.mean(dim=0), seen.std(dim=0).clamp_min(1e-6)
    # The thumbnail's many colours together weigh as much as the statistics.
    scale = torch.cat(
        [
            scale[: ratings_model.STATISTICS],
            scale[ratings_model.STATISTICS :]
            * math.sqrt((len(scale) - ratings_model.STATISTICS) / ratings_model.STATISTICS),
        ]
    )
    rows, bias = (seen - centre) / scale, wanted.mean()
    # With fewer ratings than features the small system is the cheap one.
    inner = rows @ rows.T + penalty * len(rows) * torch.eye(len(rows), dtype=rows.dtype)
    weights = rows.T @ torch.linalg.solve(inner, wanted - bias)
    return weights, centre, scale, bias


def _guess(seen: Tensor, fit: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    weights, centre, scale, bias = fit
    return ((seen - centre) / scale) @ weights + bias


def _folds(count: int, seed: int) -> Tensor:
    return (torch.arange(count) % FOLDS)[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]


def _choose(seen: Tensor, wanted: Tensor) -> float:
    folds = _folds(len(wanted), 1)
    misses = []
    for penalty in PENALTIES:
        miss = 0.0
        for fold in range(FOLDS):
            out = folds == fold
            miss += float((_guess(seen[out], _ridge(seen[~out], wanted[~out], penalty)) - wanted[out]).square().sum())
        misses.append(miss)
    return PENALTIES[misses.index(min(misses))]


def _held_out(seen: Tensor, wanted: Tensor) -> Tensor:
    # The penalty is chosen inside each fold: chosen outside, it would have seen what it is judged by.
    folds, guesses = _folds(len(wanted), 0), torch.empty_like(wanted)
    for fold in range(FOLDS):
        out = folds == fold
        penalty = _choose(seen[~out], wanted[~out])
        guesses[out] = _guess(seen[out], _ridge(seen[~out], wanted[~out], penalty))
    return guesses
