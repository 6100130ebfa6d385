"""What classes were made to vary by is held against how far they go."""

from __future__ import annotations

import pytest

from latentwalk.steering.class_correlation import correlation

DESIGNED = [number / 8 for number in range(6)]


def pairs(reached: list[float]) -> dict[str, tuple[float, float]]:
    return dict(zip("abcdef", zip(DESIGNED, reached, strict=False), strict=False))


def test_classes_that_go_as_far_as_they_were_made_to_correlate_wholly() -> None:
    found = correlation(pairs([number / 16 for number in range(6)]))
    assert found["r"] == pytest.approx(1)
    assert found["n"] == 6
    assert found["p"] < 0.01  # of the 720 orders two are as far from zero


def test_classes_in_no_order_do_not_pass_for_a_finding() -> None:
    found = correlation(pairs([0.2, 0.5, 0.1, 0.3, 0.1, 0.4]))
    assert abs(found["r"]) < 0.3
    assert found["p"] > 0.3


def test_what_runs_the_other_way_is_negative() -> None:
    assert correlation(pairs([0.5, 0.4, 0.3, 0.2, 0.1, 0.0]))["r"] == pytest.approx(-1)


@pytest.mark.parametrize("reached", [[], [0.1, 0.2, 0.3], [0.25] * 6])
def test_too_few_classes_and_classes_all_alike_have_no_correlation(reached: list[float]) -> None:
    assert correlation(pairs(reached)) == {"r": None, "n": len(reached), "p": None}
