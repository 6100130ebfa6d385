"""Ratings: read from CSV, derived from pairwise choices, fitted, and rejected if they are too noisy."""

from __future__ import annotations

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.steering.scores.learn import learn
from latentwalk.steering.scores.ratings import PairwiseChoice, Rating, bradley_terry, fit_ratings
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.settings import ScoreSettings
from models.regressors.protocol import RegressorCard
from models.regressors.ratings_model import RatingsRegressor, features
from tests.latentwalk.steering.discs import Discs
from tests.latentwalk.steering.regressors import red


def redness_ratings(seeds: range, noise: float) -> list[Rating]:
    """Ratings 1 to 5 by redness, with noise in its standard deviations."""
    discs, source = Discs(), torch.Generator().manual_seed(9)
    with torch.no_grad():
        marks = red(discs.synthesize(discs.sample(list(seeds)), None))
    marks = (marks - marks.mean()) / marks.std() + noise * torch.randn(len(marks), generator=source)
    return [Rating(seed, float((3 + mark).round().clamp(1, 5))) for seed, mark in zip(seeds, marks, strict=True)]


def test_pairwise_choices_become_strengths_in_the_right_order() -> None:
    source = torch.Generator().manual_seed(2)
    truth = torch.linspace(-2, 2, 9)
    choices = []
    for _ in range(600):
        first, second = torch.randperm(9, generator=source)[:2].tolist()
        wins = torch.rand(1, generator=source) < torch.sigmoid(truth[first] - truth[second])
        better, worse = (first, second) if wins else (second, first)
        choices.append(PairwiseChoice((better, {}), (worse, {})))
    result = {one.seed: one.score for one in bradley_terry(choices)}
    strengths = torch.tensor([result[seed] for seed in range(9)])
    assert torch.allclose(strengths, truth, atol=0.6)
    assert float(strengths.mean()) == pytest.approx(0, abs=1e-9)


def test_an_unbeaten_image_has_a_finite_strength() -> None:
    result = bradley_terry([PairwiseChoice((1, {}), (2, {}))] * 50)
    assert 1 < result[0].score < 20
    assert bradley_terry([]) == []


def test_the_features_have_finite_gradients_on_a_flat_image() -> None:
    images = torch.zeros(2, 3, 32, 32).requires_grad_(True)
    features(images).sum().backward()
    assert torch.isfinite(images.grad).all()
    assert features(torch.zeros(1, 1, 20, 20)).shape == features(torch.zeros(1, 3, 300, 300)).shape


def test_consistent_ratings_become_a_regressor_and_a_slider() -> None:
    result = finish(fit_ratings(Discs(), redness_ratings(range(60), noise=0.3)))
    assert result.n == 60
    assert 0.6 < result.correlation < 1
    assert 0 < result.interval[0] < result.correlation < result.interval[1]
    card = RegressorCard("My taste.", "60 ratings.", "Me.", "CC0", "Few.")
    regressor = RatingsRegressor("taste", "Taste", "points", result.span, card, result.state)
    direction = finish(learn(Discs(), RegressorSet(regressor), ScoreSettings("taste", steps=60), "taste", "Taste"))
    low, high = (direction.displacement(Discs().sample(range(900, 930)), end) for end in direction.range)
    latents = Discs().sample(range(900, 930))
    with torch.no_grad():
        redder = red(Discs().synthesize(latents + high, None)) - red(Discs().synthesize(latents + low, None))
    assert float((redder > 0).float().mean()) > 0.9


@pytest.mark.parametrize("count", [12, 40, 120])
def test_random_ratings_are_rejected_with_their_correlation_and_interval(count: int) -> None:
    source = torch.Generator().manual_seed(count)
    marks = torch.randint(1, 6, (count,), generator=source).tolist()
    with pytest.raises(
        Invalid, match=rf"Held-out correlation: -?0\.\d\d \(95 % interval -0\.\d\d to .*, {count} pictures\)"
    ):
        finish(fit_ratings(Discs(), [Rating(seed, mark) for seed, mark in enumerate(marks)]))


@pytest.mark.parametrize(
    ("ratings", "sentence"),
    [
        ([Rating(seed, 1.0) for seed in range(11)], "11 rated pictures are too few"),
        ([Rating(1, float(mark)) for mark in range(50)], "1 rated pictures are too few"),
        ([Rating(seed, 3.0) for seed in range(30)], "All ratings are the same"),
        ([Rating(seed, seed, {"mauve": 1.0}) for seed in range(30)], "no class “mauve”"),
    ],
)
def test_too_few_ratings_are_rejected(ratings: list[Rating], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        finish(fit_ratings(Discs(), ratings))
