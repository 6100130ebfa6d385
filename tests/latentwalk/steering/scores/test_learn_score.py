"""Learning from a score: the known direction is found, in score units, and its card is correct."""

from __future__ import annotations

import time

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.latent_walk import ArcWalk
from latentwalk.errors import Invalid, ModelFailed
from latentwalk.progress import Progress, finish
from latentwalk.steering.scores.learn import learn
from latentwalk.steering.scores.report_card import RegressorSet
from latentwalk.steering.scores.scoring import faster_precision
from latentwalk.steering.scores.settings import ScoreSettings
from tests.latentwalk.steering.discs import WIDTH, Discs
from tests.latentwalk.steering.regressors import RuleRegressor, bright, brightness, redness

CONTRACT = """generator direction method unit n slope slope_ci monotone positive range reached edit_error identity_error
random_error leakage seeds_cosine seconds device per_class"""


def learned(regressors: RegressorSet, **settings: object) -> Direction:
    how = ScoreSettings(regressors.regressor.spec.name, **{"steps": 60, "samples": 384, **settings})  # type: ignore[arg-type]
    return finish(learn(Discs(), regressors, how, "red", "Red"))


@pytest.fixture(scope="module")
def through_the_gradient() -> Direction:
    return learned(RegressorSet(redness(), [brightness()]), twin=True)


@pytest.fixture(scope="module")
def through_a_student() -> Direction:
    return learned(RegressorSet(redness(False), [brightness()]))


def redness_cosine(direction: Direction) -> float:
    # The true direction: red up, green and blue down by half as much, nothing else.
    truth = torch.zeros(WIDTH)
    truth[3:6] = torch.tensor([2.0, -1.0, -1.0])
    axis = direction.walk.axis()
    assert axis is not None
    return float(torch.cosine_similarity(axis, truth, dim=0))


def test_the_gradient_finds_the_axis_of_redness(through_the_gradient: Direction) -> None:
    assert redness_cosine(through_the_gradient) > 0.9
    assert isinstance(through_the_gradient.walk, ArcWalk)
    assert through_the_gradient.walk.keeps_norm


def test_the_card_describes_a_calibrated_slider(through_the_gradient: Direction) -> None:
    card = through_the_gradient.card
    assert card is not None
    assert [key for key in CONTRACT.split() if key not in card] == []
    assert card["unit"] == "score"
    assert card["slope"] == pytest.approx(1, abs=0.15)
    assert card["slope_ci"][0] <= card["slope"] <= card["slope_ci"][1]
    assert card["positive"] == 1
    assert card["monotone"] > 0.95
    assert card["identity_at_zero"] is True
    assert card["seeds_cosine"] > 0.95
    assert card["edit_error"] < 0.3 * card["identity_error"] < card["random_error"] * 2
    assert all(ratio > 0.8 for _, ratio in card["diversity"])


def test_other_regressors_are_on_the_card_and_its_own_is_not(through_the_gradient: Direction) -> None:
    card = through_the_gradient.card
    assert card is not None
    assert set(card["rescoring"]) == set(card["factors"]) == set(card["leakage_by_attribute"]) == {"brightness"}
    assert card["factors"]["brightness"]["r2"] <= 1


def test_a_regressor_without_a_gradient_gives_a_similar_slider(
    through_a_student: Direction, through_the_gradient: Direction
) -> None:
    assert redness_cosine(through_a_student) > 0.9
    opaque, differentiable = through_a_student.card, through_the_gradient.card
    assert opaque is not None
    assert differentiable is not None
    assert opaque["raw_slope"] >= 0.6 * differentiable["raw_slope"]
    assert opaque["student"]["correlation"] > 0.8
    assert opaque["positive"] == 1


def test_a_score_direction_survives_a_round_trip_through_its_file(through_a_student: Direction) -> None:
    read = from_bytes(to_bytes(through_a_student))
    assert read.card == through_a_student.card
    assert read.settings == through_a_student.settings


def test_the_same_seed_gives_the_same_vector() -> None:
    first, second = (learned(RegressorSet(redness()), steps=8) for _ in range(2))
    assert torch.equal(first.walk.tensors()["vectors"], second.walk.tensors()["vectors"])


def test_a_second_regressor_rescores_the_slider() -> None:
    card = learned(RegressorSet(brightness(), [], RuleRegressor("brighter", lambda images: bright(images) * 2))).card
    assert card is not None
    assert card["judge"]["slope"] == pytest.approx(2 * card["slope"], rel=0.01)
    assert card["judge"]["agreement"] == pytest.approx(1, abs=1e-4)
    upside_down = learned(
        RegressorSet(brightness(), [], RuleRegressor("darker", lambda images: -bright(images))), steps=20
    ).card
    assert upside_down is not None
    assert upside_down["judge"]["slope"] < 0
    assert upside_down["judge"]["positive"] == 0


def test_a_constant_score_is_rejected_before_learning() -> None:
    regressor = RuleRegressor("constant", lambda images: images.mean(dim=(1, 2, 3)) * 0 + 3)
    with pytest.raises(Invalid, match="the same score, 3"):
        learned(RegressorSet(regressor))


@pytest.mark.parametrize(
    "rule",
    [
        lambda images: images.mean(dim=(1, 2, 3)) * torch.nan,
        lambda images: images.mean(dim=(2, 3)),
        lambda images: images.mean(),
    ],
)
def test_scores_that_are_not_one_finite_number_per_image_are_rejected(rule) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelFailed, match="one finite number"):
        learned(RegressorSet(RuleRegressor("broken", rule)))


def test_random_scores_are_rejected() -> None:
    source = torch.Generator().manual_seed(5)
    regressor = RuleRegressor("random", lambda images: torch.rand(len(images), generator=source), differentiable=False)
    with pytest.raises(ModelFailed, match=r"No direction can be learned|do not follow"):
        learned(RegressorSet(regressor))


def test_progress_increases_to_the_end_and_has_strips() -> None:
    reports: list[Progress] = []
    how = ScoreSettings("redness", steps=20)
    finish(learn(Discs(), RegressorSet(redness()), how, "red", "Red"), reports.append)
    shares = [progress.share for progress in reports]
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1
    assert next(one.strip for one in reports if one.strip is not None).shape == (32, 7 * 32, 3)


def test_closing_the_work_stops_scoring() -> None:
    regressor = redness()
    work = learn(Discs(), RegressorSet(regressor), ScoreSettings("redness", steps=1000), "red", "Red")
    for _ in range(20):
        next(work)
    work.close()
    scored = regressor.scored
    assert list(work) == []
    assert regressor.scored == scored


def test_a_direction_is_orthogonal_to_held_ones_and_its_card_says_so() -> None:
    bright_slider = learned(RegressorSet(brightness()), steps=40)
    how = ScoreSettings("redness", steps=60, hold=("red",))
    direction = finish(learn(Discs(), RegressorSet(redness()), how, "held", "Held", [bright_slider]))
    assert direction.card is not None
    assert direction.card["held"]["red"]["cosine"] < 1e-3


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"seed": -1}, {"samples": 3}, {"reach": 0.0}])
def test_settings_out_of_range_are_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        ScoreSettings("redness", **wrong)  # type: ignore[arg-type]
    assert str(refusal.value).endswith(".")
    assert refusal.value.hint


class WithReducedPrecision(RuleRegressor):
    """A slow regressor with a fast one in reduced precision."""

    def __init__(self, reduced: RuleRegressor) -> None:
        super().__init__("slow", bright)
        self.reduced = reduced

    def score(self, images: torch.Tensor) -> torch.Tensor:
        time.sleep(0.02)
        return super().score(images)

    def at(self, precision: str) -> RuleRegressor:
        return self.reduced


def test_the_faster_precision_is_used_only_if_it_agrees() -> None:
    same, wrong = RuleRegressor("same", bright), RuleRegressor("wrong", lambda images: bright(images) * 1.5)
    slow = WithReducedPrecision(same)
    assert faster_precision(Discs(), slow) is same
    slow.reduced = wrong
    assert faster_precision(Discs(), slow) is slow
    assert faster_precision(Discs(), same) is same
