"""Units: amounts people read and the coordinates that add up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid

PIXELS = Unit("px", decimals=1)
FACTOR = Unit("x", neutral=1.0, scale="log", decimals=2)
WARM = Unit("K", neutral=6500.0, decimals=0)

finite = st.floats(-1e6, 1e6)
factors = st.floats(1e-6, 1e6)


@pytest.mark.parametrize("unit", [PIXELS, FACTOR, WARM])
def test_the_neutral_amount_is_coordinate_zero_and_back(unit):
    assert unit.coordinate(unit.neutral) == 0.0
    assert unit.amount(0.0) == unit.neutral


@given(finite)
def test_linear_amounts_come_back(amount):
    assert PIXELS.amount(PIXELS.coordinate(amount)) == amount
    assert math.isclose(WARM.amount(WARM.coordinate(amount)), amount, rel_tol=1e-9, abs_tol=1e-6)


@given(factors)
def test_factors_come_back(amount):
    assert math.isclose(FACTOR.amount(FACTOR.coordinate(amount)), amount, rel_tol=1e-12)


@given(factors, factors)
def test_factors_add_up_in_the_coordinate(first, second):
    total = FACTOR.coordinate(first) + FACTOR.coordinate(second)
    assert math.isclose(FACTOR.amount(total), first * second, rel_tol=1e-9)


@given(st.lists(factors, min_size=2, max_size=2, unique=True))
def test_a_larger_amount_never_has_a_smaller_coordinate(pair):
    low, high = sorted(pair)
    assert FACTOR.coordinate(low) <= FACTOR.coordinate(high)


@given(st.sampled_from([PIXELS, FACTOR, WARM]), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_what_is_not_finite_is_refused_in_one_sentence(unit, amount):
    with pytest.raises(Invalid, match=r"is not an amount\.$"):
        unit.coordinate(amount)


@given(st.floats(max_value=0, allow_infinity=False))
def test_factors_at_or_below_zero_are_refused(amount):
    with pytest.raises(Invalid, match="is not a factor") as refusal:
        FACTOR.coordinate(amount)
    assert refusal.value.hint


@given(st.floats(min_value=5e-324, allow_infinity=False), st.floats(min_value=5e-324, allow_infinity=False))
def test_no_factor_overflows_on_the_way_to_its_coordinate(amount, neutral):
    assert math.isfinite(Unit("x", neutral, "log").coordinate(amount))


@pytest.mark.parametrize(
    ("unit", "amount", "text"),
    [(PIXELS, -6, "−6.0 px"), (PIXELS, 6, "+6.0 px"), (FACTOR, 1.4, "×1.40"), (WARM, 6500, "+6500 K")],
)
def test_amounts_are_written_as_people_read_them(unit, amount, text):
    assert unit.describe(amount) == text


@pytest.mark.parametrize(
    "fields",
    [
        {"scale": "cubic"}, {"neutral": math.nan}, {"neutral": math.inf}, {"neutral": 0.0, "scale": "log"},
        {"neutral": -1.0, "scale": "log"}, {"decimals": -1}, {"decimals": 7}, {"decimals": 1.0}, {"decimals": True},
        {"symbol": 3}, {"symbol": "x" * 17},
    ],
)  # fmt: skip
def test_a_unit_cannot_be_born_wrong(fields):
    with pytest.raises(ValueError, match="a unit"):
        Unit(**{"symbol": "x", **fields})
