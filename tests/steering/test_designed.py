"""What classes were made to vary by is held against how far they go, and only where both are known."""

from __future__ import annotations

import pytest

from server.steering.designed import beside
from server.steering.transforms import find

ZOOM = find("zoom").unit
CLASSES = ("a", "b", "c", "d", "e", "f")
DESIGN = {"zoom": {name: 2 ** (number / 8) for number, name in enumerate(CLASSES)}}


def card(halves: list[float]) -> dict[str, object]:
    return {"per_class": {n: {"reached": [2.0**-half, 2.0**half]} for n, half in zip(CLASSES, halves, strict=True)}}


def test_classes_that_go_as_far_as_they_were_made_to_correlate_wholly() -> None:
    found = beside(card([number / 16 for number in range(6)]), DESIGN, "zoom", ZOOM)
    assert found is not None
    assert found["r"] == pytest.approx(1)
    assert found["n"] == 6
    assert found["p"] < 0.01  # of the 720 orders two are as far from zero
    assert found["classes"]["c"] == [0.25, 0.125]


def test_classes_in_no_order_do_not_pass_for_a_finding() -> None:
    found = beside(card([0.2, 0.5, 0.1, 0.3, 0.1, 0.4]), DESIGN, "zoom", ZOOM)
    assert found is not None
    assert abs(found["r"]) < 0.3
    assert found["p"] > 0.3


def test_what_runs_the_other_way_is_negative() -> None:
    found = beside(card([0.5, 0.4, 0.3, 0.2, 0.1, 0.0]), DESIGN, "zoom", ZOOM)
    assert found is not None
    assert found["r"] == pytest.approx(-1)


@pytest.mark.parametrize("design", [{}, {"shift_x": DESIGN["zoom"]}, {"zoom": {"a": 1.0, "b": 1.2, "c": 1.3}}])
def test_nothing_is_said_of_what_is_not_known(design: dict[str, dict[str, float]]) -> None:
    assert beside(card([0.1] * 6), design, "zoom", ZOOM) is None


def test_classes_that_all_go_equally_far_have_no_correlation() -> None:
    assert beside(card([0.25] * 6), DESIGN, "zoom", ZOOM) is None
