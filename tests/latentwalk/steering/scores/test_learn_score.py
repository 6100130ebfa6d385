"""A slider from a score: found where the truth is known, in score units, with an honest card."""

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
from latentwalk.steering.scores.scoring import quickest
from latentwalk.steering.scores.settings import ScoreSettings
from tests.latentwalk.steering.discs import WIDTH, Discs
from tests.latentwalk.steering.regressors import Judge, bright, brightness, redness

CONTRACT = """generator direction method unit n slope slope_ci monotone positive range reached edit_error identity_error
random_error leakage seeds_cosine seconds device per_class"""


def made(panel: RegressorSet, **settings: object) -> Direction:
    how = ScoreSettings(panel.judge.spec.name, **{"steps": 60, "samples": 384, **settings})  # type: ignore[arg-type]
    return finish(learn(Discs(), panel, how, "red", "Red"))


@pytest.fixture(scope="module")
def through_the_gradient() -> Direction:
    return made(RegressorSet(redness(), [brightness()]), twin=True)


@pytest.fixture(scope="module")
def through_a_student() -> Direction:
    return made(RegressorSet(redness(False), [brightness()]))


def reddening(direction: Direction) -> float:
    # The truth: red up, green and blue down by half as much, nothing else.
    truth = torch.zeros(WIDTH)
    truth[3:6] = torch.tensor([2.0, -1.0, -1.0])
    axis = direction.walk.axis()
    assert axis is not None
    return float(torch.cosine_similarity(axis, truth, dim=0))


def test_the_gradient_finds_the_axis_that_reddens(through_the_gradient: Direction) -> None:
    assert reddening(through_the_gradient) > 0.9
    assert isinstance(through_the_gradient.walk, ArcWalk)
    assert through_the_gradient.walk.keeps_norm


def test_its_card_says_what_a_calibrated_slider_does(through_the_gradient: Direction) -> None:
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


def test_other_measures_are_judged_beside_it_and_its_own_judge_is_not(through_the_gradient: Direction) -> None:
    card = through_the_gradient.card
    assert card is not None
    assert set(card["rescoring"]) == set(card["factors"]) == set(card["leakage_by_attribute"]) == {"brightness"}
    assert card["factors"]["brightness"]["r2"] <= 1


def test_without_a_gradient_the_slider_is_nearly_as_good(
    through_a_student: Direction, through_the_gradient: Direction
) -> None:
    assert reddening(through_a_student) > 0.9
    sealed, open_ = through_a_student.card, through_the_gradient.card
    assert sealed is not None
    assert open_ is not None
    assert sealed["raw_slope"] >= 0.6 * open_["raw_slope"]
    assert sealed["student"]["correlation"] > 0.8
    assert sealed["positive"] == 1


def test_it_survives_its_file(through_a_student: Direction) -> None:
    read = from_bytes(to_bytes(through_a_student))
    assert read.card == through_a_student.card
    assert read.settings == through_a_student.settings


def test_the_same_seed_gives_the_same_vector() -> None:
    first, second = (made(RegressorSet(redness()), steps=8) for _ in range(2))
    assert torch.equal(first.walk.tensors()["vectors"], second.walk.tensors()["vectors"])


def test_a_second_judge_re_scores_the_slider() -> None:
    card = made(RegressorSet(brightness(), [], Judge("brighter", lambda images: bright(images) * 2))).card
    assert card is not None
    assert card["judge"]["slope"] == pytest.approx(2 * card["slope"], rel=0.01)
    assert card["judge"]["agreement"] == pytest.approx(1, abs=1e-4)
    upside_down = made(RegressorSet(brightness(), [], Judge("darker", lambda images: -bright(images))), steps=20).card
    assert upside_down is not None
    assert upside_down["judge"]["slope"] < 0
    assert upside_down["judge"]["positive"] == 0


def test_a_constant_score_is_refused_before_anything_is_learned() -> None:
    judge = Judge("bored", lambda images: images.mean(dim=(1, 2, 3)) * 0 + 3)
    with pytest.raises(Invalid, match="the same score, 3"):
        made(RegressorSet(judge))


@pytest.mark.parametrize(
    "rule",
    [
        lambda images: images.mean(dim=(1, 2, 3)) * torch.nan,
        lambda images: images.mean(dim=(2, 3)),
        lambda images: images.mean(),
    ],
)
def test_an_answer_that_is_no_number_per_picture_is_refused(rule) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelFailed, match="one finite number"):
        made(RegressorSet(Judge("broken", rule)))


def test_scores_drawn_by_lot_are_refused() -> None:
    source = torch.Generator().manual_seed(5)
    judge = Judge("dice", lambda images: torch.rand(len(images), generator=source), differentiable=False)
    with pytest.raises(ModelFailed, match=r"No slider can be learned|do not obey"):
        made(RegressorSet(judge))


def test_progress_rises_to_the_end_and_carries_strips() -> None:
    seen: list[Progress] = []
    how = ScoreSettings("redness", steps=20)
    finish(learn(Discs(), RegressorSet(redness()), how, "red", "Red"), seen.append)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1
    assert next(one.strip for one in seen if one.strip is not None).shape == (32, 7 * 32, 3)


def test_closing_the_work_asks_the_judge_no_more() -> None:
    judge = redness()
    work = learn(Discs(), RegressorSet(judge), ScoreSettings("redness", steps=1000), "red", "Red")
    for _ in range(20):
        next(work)
    work.close()
    asked = judge.asked
    assert list(work) == []
    assert judge.asked == asked


def test_held_directions_are_kept_out_and_what_is_left_is_told() -> None:
    bright_slider = made(RegressorSet(brightness()), steps=40)
    how = ScoreSettings("redness", steps=60, hold=("red",))
    kept = finish(learn(Discs(), RegressorSet(redness()), how, "held", "Held", [bright_slider]))
    assert kept.card is not None
    assert kept.card["held"]["red"]["cosine"] < 1e-3


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"seed": -1}, {"samples": 3}, {"reach": 0.0}])
def test_impossible_settings_are_refused_in_a_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        ScoreSettings("redness", **wrong)  # type: ignore[arg-type]
    assert str(refusal.value).endswith(".")
    assert refusal.value.hint


class Twinned(Judge):
    """A slow judge with a quick twin."""

    def __init__(self, twin: Judge) -> None:
        super().__init__("slow", bright)
        self.twin = twin

    def score(self, images: torch.Tensor) -> torch.Tensor:
        time.sleep(0.02)
        return super().score(images)

    def at(self, precision: str) -> Judge:
        return self.twin


def test_a_quicker_twin_is_asked_only_where_it_says_the_same() -> None:
    same, wrong = Judge("same", bright), Judge("wrong", lambda images: bright(images) * 1.5)
    slow = Twinned(same)
    assert quickest(Discs(), slow) is same
    slow.twin = wrong
    assert quickest(Discs(), slow) is slow
    assert quickest(Discs(), same) is same
