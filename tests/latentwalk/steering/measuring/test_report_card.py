"""Report cards and calibration of directions whose true effect is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.errors import Invalid, ModelFailed
from latentwalk.progress import finish
from latentwalk.steering.measuring.calibration import calibrate
from latentwalk.steering.measuring.report_card import measure
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.transforms import find
from tests.latentwalk.steering.discs import PIXELS, WIDTH, Discs

CONTRACT = """generator direction method unit n slope slope_ci monotone range reached edit_error identity_error
random_error leakage seeds_cosine seconds device per_class"""


def axis(index: int) -> LinearWalk:
    vector = torch.zeros(WIDTH)
    vector[index] = 1
    return LinearWalk(vector)


def slider(walk: LinearWalk, transform: str = "shift_x", rate: float = 1 / PIXELS) -> Direction:
    target = find(transform)
    return Direction(
        id=transform, name=target.title, group=target.group, generator="discs", fingerprint=Discs().spec.fingerprint,
        space="z", unit=target.unit, walk=walk, curve=Curve.straight(rate, 3.0), range=(-2.0, 2.0), track=(-3.0, 3.0),
        requested_range=target.limits(32), method="walk", seed=0, created="2026-01-01",
        settings={"transform": transform, "full_step": target.limits(32)[1] * rate},
    )  # fmt: skip


def test_an_ideal_slider_has_slope_one_and_is_monotone() -> None:
    card = finish(measure(Discs(), slider(axis(0)), latents=32))
    assert card["slope"] == pytest.approx(1, abs=0.08)
    assert card["slope_ci"][0] <= card["slope"] <= card["slope_ci"][1]
    assert card["monotone"] == 1
    assert card["error_ratio"] < 0.2
    assert card["random_error"] > 3 * card["edit_error"]
    assert card["identity_at_zero"] is True


def test_a_slider_with_another_effect_has_no_slope_and_more_leakage() -> None:
    card = finish(measure(Discs(), slider(axis(3)), latents=32))
    assert abs(card["slope"]) < 0.1
    assert card["error_ratio"] > 0.9
    assert card["leakage"] > finish(measure(Discs(), slider(axis(0)), latents=32))["leakage"]


def test_a_slider_twice_as_strong_as_calibrated_has_slope_two() -> None:
    card = finish(measure(Discs(), slider(axis(0), rate=2 / PIXELS), latents=32))
    assert card["slope"] == pytest.approx(2, rel=0.15)


def test_the_card_has_every_key_of_the_contract() -> None:
    card = finish(measure(Discs(), slider(axis(0)), latents=16))
    assert [key for key in CONTRACT.split() if key not in card] == []
    assert all(len(point) == 4 for point in card["reached"])


def test_measuring_twice_gives_the_same_figures() -> None:
    cards = [finish(measure(Discs(), slider(axis(0)), latents=16)) for _ in range(2)]
    for card in cards:
        del card["measured_in_seconds"]
    assert cards[0] == cards[1]


def test_a_direction_of_another_generator_is_rejected() -> None:
    with pytest.raises(Invalid, match="was made for discs"):
        finish(measure(Discs("sha256:" + "e" * 64), slider(axis(0))))


def test_a_direction_that_imitates_no_transform_is_rejected() -> None:
    discovered = slider(axis(0))
    with pytest.raises(Invalid, match="discovered, not learned"):
        finish(measure(Discs(), replace(discovered, settings={})))


def test_calibration_measures_pixels_and_stops_at_the_asked_limit() -> None:
    calibration = finish(calibrate(Discs(), find("shift_x"), axis(0), full=4 / PIXELS))
    assert calibration.curve.step(2.0) == pytest.approx(2 / PIXELS, rel=0.15)
    assert calibration.range == pytest.approx((-4.0, 4.0))
    assert calibration.verdict == "strong"
    assert calibration.stopped_by == ("asked", "asked")
    assert calibration.note == "Reaches all of −4.0 px to +4.0 px."


def test_calibration_reports_what_ended_a_weak_slider() -> None:
    weak = torch.zeros(WIDTH)
    weak[0], weak[3] = 0.05, 1.0
    calibration = finish(calibrate(Discs(), find("shift_x"), LinearWalk(weak / weak.norm()), full=2.0))
    assert calibration.verdict == "weak"
    assert "asked" not in calibration.stopped_by
    assert calibration.note.startswith("Reaches −")


def test_calibration_fails_for_a_walk_without_effect() -> None:
    backwards = LinearWalk(-axis(0).vector)
    with pytest.raises(ModelFailed, match="do not follow shift sideways"):
        finish(calibrate(Discs(), find("shift_x"), backwards, full=2.0))


def test_a_strip_shows_the_range_from_end_to_end() -> None:
    picture = preview_strip(Discs(), slider(axis(0)), count=2, columns=5)
    assert picture.shape == (2 * 32, 5 * 32, 3)
    assert picture.dtype == torch.uint8
