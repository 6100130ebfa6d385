"""Turning ratings by people into a regressor: scores per seed or pairwise choices, fitted unless too noisy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.latents.class_weights import class_tensor
from latentwalk.progress import Progress, Work
from latentwalk.steering.measuring.reliability import FOLDS, assign_folds, correlation, fisher_interval
from models.base import Generator
from models.regressors import ratings_model

FEWEST = 12  # rated images; with fewer, a correlation means nothing
MOST = 20_000
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # times the number of ratings
PRIOR = 0.1  # precision of the Gaussian prior on Bradley-Terry strengths, which keeps those of unbeaten images finite
NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class Rating:
    """The score of one image; `classes` are class weights, an empty mapping means the generator's default."""

    seed: int
    score: float
    classes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PairwiseChoice:
    """The better and the worse of two images, each as (seed, class weights)."""

    better: tuple[int, Mapping[str, float]]
    worse: tuple[int, Mapping[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class RatingsFit:
    """The state of a ratings regressor, with its held-out correlation and 95 % interval over `n` images.

    `span` is the lowest and highest rating.
    """

    state: Mapping[str, Tensor]
    correlation: float
    interval: tuple[float, float]
    n: int
    span: tuple[float, float]


def bradley_terry(choices: Sequence[PairwiseChoice]) -> list[Rating]:
    """The strength of every image that was compared, in logits, with mean zero.

    This is the maximum of the posterior under P(i over j) = 1 / (1 + exp(s_j - s_i)) (Bradley and Terry 1952) with a
    small Gaussian prior, found by Newton's method.
    """
    keys = [(seed, tuple(sorted(classes.items()))) for one in choices for seed, classes in (one.better, one.worse)]
    order = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    if not order:
        return []
    wins = torch.tensor([order[key] for key in keys[0::2]])
    losses = torch.tensor([order[key] for key in keys[1::2]])
    strengths = torch.zeros(len(order), dtype=torch.float64)
    ones = torch.ones(len(wins), dtype=torch.float64)
    for _ in range(NEWTON_STEPS):
        probability = torch.sigmoid(strengths[wins] - strengths[losses])
        gradient = -PRIOR * strengths
        gradient = gradient.index_add(0, wins, ones - probability).index_add(0, losses, probability - ones)
        weight = probability * (1 - probability)
        hessian = PRIOR * torch.eye(len(order), dtype=torch.float64)
        for first, second, sign in ((wins, wins, 1), (losses, losses, 1), (wins, losses, -1), (losses, wins, -1)):
            hessian.index_put_((first, second), sign * weight, accumulate=True)
        step = torch.linalg.solve(hessian, gradient)
        strengths = strengths + step
        if float(step.abs().max()) < 1e-9:
            break
    strengths = strengths - strengths.mean()
    return [Rating(seed, float(strengths[index]), dict(classes)) for (seed, classes), index in order.items()]


def fit_ratings(generator: Generator, ratings: Sequence[Rating]) -> Work[RatingsFit]:
    """Fit ratings on features of the rated images.

    Raises Invalid, with the figures, if there are too few ratings or if the held-out correlation may be chance.
    """
    averaged = _average_repeats(ratings)
    if len(averaged) < FEWEST:
        raise Invalid(
            f"{len(averaged)} rated pictures are too few to learn from.",
            f"Rate at least {FEWEST}; 40 make a fair slider.",
        )
    rows = []
    for number, one in enumerate(averaged):
        with torch.no_grad():
            rows.append(ratings_model.features(_synthesize(generator, one))[0].cpu())
        if number % 8 == 0:
            yield Progress(number / len(averaged), f"Analysing picture {number + 1} of {len(averaged)}")
    features = torch.stack(rows).double()
    targets = torch.tensor([one.score for one in averaged], dtype=torch.float64)
    if float(targets.std()) < 1e-9:
        raise Invalid("All ratings are the same.", "Use the whole scale: a slider needs ratings that differ.")
    agreement = correlation(_cross_validated(features, targets), targets)
    low, high = fisher_interval(agreement, len(averaged))
    if low <= 0:
        raise Invalid(
            f"These ratings are too noisy to learn from. Held-out correlation: {agreement:.2f} (95 % interval "
            f"{low:.2f} to {high:.2f}, {len(averaged)} pictures), which may be chance.",
            "Rate more pictures, or rate a quality that is visible in the pictures.",
        )
    fit = _ridge(features, targets, _choose_penalty(features, targets))
    state = {name: tensor.float().clone() for name, tensor in asdict(fit).items()}
    span = (float(targets.min()), float(targets.max()))
    return RatingsFit(state, round(agreement, 4), (low, high), len(averaged), span)


def _average_repeats(ratings: Sequence[Rating]) -> list[Rating]:
    # An image that was rated more than once counts once; otherwise it would be on both sides of a fold.
    groups: dict[tuple[int, tuple[tuple[str, float], ...]], list[float]] = {}
    for one in ratings:
        groups.setdefault((one.seed, tuple(sorted(one.classes.items()))), []).append(one.score)
    return [Rating(seed, sum(scores) / len(scores), dict(classes)) for (seed, classes), scores in groups.items()]


def _synthesize(generator: Generator, one: Rating) -> Tensor:
    spec = generator.spec
    for name in one.classes:
        if name not in spec.classes:
            hint = f"Choose one of {', '.join(spec.classes)}." if spec.classes else "Leave the class out."
            raise Invalid(f"{spec.name} has no class “{name[:60]}”.", hint)
    weights = dict(one.classes or spec.default_classes) if spec.classes else {}
    total = sum(weights.values())
    classes = class_tensor({name: weight / total for name, weight in weights.items()}, spec, generator.device)
    return generator.synthesize(generator.map(generator.sample([one.seed]), classes), classes)


@dataclass(frozen=True, slots=True, eq=False)
class _RidgeFit:
    # Standardised features times weights, plus bias; the fields are the tensors of a RatingsRegressor.
    weights: Tensor
    centre: Tensor
    scale: Tensor
    bias: Tensor

    def predict(self, features: Tensor) -> Tensor:
        return ((features - self.centre) / self.scale) @ self.weights + self.bias


def _ridge(features: Tensor, targets: Tensor, penalty: float) -> _RidgeFit:
    centre, scale = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
    # The thumbnail's many colours together get the same weight as the statistics.
    plain = ratings_model.STATISTICS
    scale = torch.cat([scale[:plain], scale[plain:] * math.sqrt((len(scale) - plain) / plain)])
    rows, bias = (features - centre) / scale, targets.mean()
    # With fewer ratings than features, the dual system is the smaller one.
    gram = rows @ rows.T + penalty * len(rows) * torch.eye(len(rows), dtype=rows.dtype)
    weights = rows.T @ torch.linalg.solve(gram, targets - bias)
    return _RidgeFit(weights, centre, scale, bias)


def _choose_penalty(features: Tensor, targets: Tensor) -> float:
    folds = assign_folds(len(targets), seed=1)
    errors = []
    for penalty in PENALTIES:
        error = 0.0
        for fold in range(FOLDS):
            out = folds == fold
            predictions = _ridge(features[~out], targets[~out], penalty).predict(features[out])
            error += float((predictions - targets[out]).square().sum())
        errors.append(error)
    return PENALTIES[errors.index(min(errors))]


def _cross_validated(features: Tensor, targets: Tensor) -> Tensor:
    # The penalty is chosen inside each fold: otherwise it would depend on the ratings it is evaluated on.
    folds, predictions = assign_folds(len(targets)), torch.empty_like(targets)
    for fold in range(FOLDS):
        out = folds == fold
        penalty = _choose_penalty(features[~out], targets[~out])
        predictions[out] = _ridge(features[~out], targets[~out], penalty).predict(features[out])
    return predictions
