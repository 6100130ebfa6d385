"""The correlation over classes of data variability and amounts reached."""

from __future__ import annotations

import pytest

from latentwalk.steering.class_correlation import correlation

VARIABILITY = [number / 8 for number in range(6)]


def pairs(reached: list[float]) -> dict[str, tuple[float, float]]:
    return dict(zip("abcdef", zip(VARIABILITY, reached, strict=False), strict=False))


def test_amounts_proportional_to_the_variability_have_a_correlation_of_one() -> None:
    figures = correlation(pairs([number / 16 for number in range(6)]))
    assert figures["r"] == pytest.approx(1)
    assert figures["n"] == 6
    assert figures["p"] < 0.01  # two of the 720 orders are as extreme


def test_unrelated_amounts_are_not_significant() -> None:
    figures = correlation(pairs([0.2, 0.5, 0.1, 0.3, 0.1, 0.4]))
    assert abs(figures["r"]) < 0.3
    assert figures["p"] > 0.3


def test_amounts_in_reverse_order_have_a_correlation_of_minus_one() -> None:
    assert correlation(pairs([0.5, 0.4, 0.3, 0.2, 0.1, 0.0]))["r"] == pytest.approx(-1)


@pytest.mark.parametrize("reached", [[], [0.1, 0.2, 0.3], [0.25] * 6])
def test_too_few_classes_and_constant_amounts_have_no_correlation(reached: list[float]) -> None:
    assert correlation(pairs(reached)) == {"r": None, "n": len(reached), "p": None}
