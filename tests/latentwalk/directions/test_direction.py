"""Directions: curves, limits, projection, and the file they are kept in."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentwalk.directions.direction import project_off
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid

WIDTH = 12
gaps = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6)


@st.composite
def curves(draw):
    sides = []
    for _ in ("coordinates", "steps"):
        low, high = list(itertools.accumulate(draw(gaps))), list(itertools.accumulate(draw(gaps)))
        sides.append((low, high))
    count = [min(len(sides[0][i]), len(sides[1][i])) for i in (0, 1)]
    rows = []
    for low, high in sides:
        rows.append((*(-end for end in reversed(low[: count[0]])), 0.0, *high[: count[1]]))
    return Curve(*rows)


@given(curves())
def test_zero_effect_is_zero_step_exactly(curve):
    assert curve.step(0.0) == 0.0
    assert curve.coordinate(0.0) == 0.0


@given(curves(), st.floats(-2, 2))
def test_a_curve_read_backwards_comes_back_even_past_its_ends(curve, share):
    coordinate = share * (curve.coordinates[-1] if share > 0 else -curve.coordinates[0])
    assert math.isclose(curve.coordinate(curve.step(coordinate)), coordinate, rel_tol=1e-6, abs_tol=1e-6)


@given(curves(), st.floats(-1e4, 1e4), st.floats(0, 1e4))
def test_more_effect_never_takes_less_step(curve, coordinate, more):
    assert curve.step(coordinate + more) >= curve.step(coordinate) - 1e-6 * abs(curve.step(coordinate))


@given(curves())
def test_the_points_of_a_curve_are_answered_exactly(curve):
    assert [curve.step(coordinate) for coordinate in curve.coordinates] == list(curve.steps)


@pytest.mark.parametrize(
    ("coordinates", "steps", "reason"),
    [
        ((0.0,), (0.0,), "two or more"),
        ((-1.0, 0.0, 1.0), (-1.0, 0.0), "two or more"),
        ((-1.0, 0.0, math.nan), (-1.0, 0.0, 1.0), "finite"),
        ((-1.0, 0.0, math.inf), (-1.0, 0.0, 1.0), "finite"),
        ((-1.0, 0.0, 0.0), (-1.0, 0.0, 1.0), "rise"),
        ((-1.0, 0.0, 1.0), (1.0, 0.0, -1.0), "rise"),
        ((1.0, 2.0), (1.0, 2.0, 3.0), "two or more"),
        ((-1.0, 1.0), (-1.0, 2.0), "through zero"),
    ],
)
def test_what_is_not_a_curve_is_refused(coordinates, steps, reason):
    with pytest.raises(ValueError, match=reason):
        Curve(coordinates, steps)


def test_the_neutral_amount_moves_nothing_at_all(make_direction, make_path):
    latents = torch.randn(3, WIDTH)
    for direction in (make_direction(), make_direction(walk=make_path(), curve=Curve.straight(0.1, 20.0))):
        assert torch.equal(direction.displacement(latents, 0.0), torch.zeros_like(latents))


def test_amounts_follow_the_curve(make_direction):
    direction = make_direction(curve=Curve((-10.0, 0.0, 10.0), (-3.0, 0.0, 1.0)))
    latents = torch.randn(3, WIDTH)
    assert torch.allclose(direction.displacement(latents, 10.0).norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(direction.displacement(latents, -5.0).norm(dim=1), torch.full((3,), 1.5), atol=1e-5)


@pytest.mark.parametrize("amount", [14.1, -14.1, 1e300, -1e300])
def test_amounts_past_the_track_are_refused_with_its_ends(make_direction, amount):
    with pytest.raises(Invalid, match=r"its track runs from −14\.0 % to \+14\.0 %\.$") as refusal:
        make_direction().steps(amount)
    assert len(str(refusal.value)) < 100


def test_the_ends_of_the_track_are_on_it(make_direction):
    direction = make_direction()
    assert direction.steps(14.0) == pytest.approx(1.4)
    assert direction.steps(-14.0) == pytest.approx(-1.4)


def test_an_amount_that_reads_like_an_end_is_that_end(make_direction):
    direction = make_direction(track=(-13.96, 14.0))
    assert direction.unit.describe(-13.96) == "−14.0 %"
    assert direction.steps(-14.0) == direction.steps(-13.96)
    with pytest.raises(Invalid, match="its track runs from"):
        direction.steps(-14.1)


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf])
def test_amounts_that_are_no_numbers_are_refused(make_direction, amount):
    with pytest.raises(Invalid, match="not an amount"):
        make_direction().steps(amount)


def test_a_direction_of_another_model_is_refused_with_both_fingerprints(make_direction, generator, other):
    direction = make_direction()
    direction.check(generator.spec)
    with pytest.raises(Invalid, match="was made for tiny") as refusal:
        direction.check(other.spec)
    for spec in (generator.spec, other.spec):
        assert spec.fingerprint[7:15] in str(refusal.value)
    assert "latentwalk learn" in refusal.value.hint


@pytest.mark.parametrize("id", ["", "Zoom", "1zoom", "zoom in", "../zoom", "zoom/2", "z" * 41, "zoöm", "zoom\n"])
def test_ids_that_could_not_be_file_names_are_refused(make_direction, id):
    with pytest.raises(Invalid, match="cannot name a direction"):
        make_direction(id=id)


@settings(max_examples=30)
@given(low=st.floats(-1e3, -1e-3), high=st.floats(1e-3, 1e3))
def test_keyboard_steps_are_round_and_cross_the_track_in_about_a_hundred(make_direction, low, high):
    direction = make_direction(range=(low, high), track=(low, high))
    leading = f"{direction.step:.6e}"[0]
    assert leading in "125"
    assert 30 <= (high - low) / direction.step <= 101


def test_holding_takes_out_all_of_an_axis_and_only_that(make_direction):
    first, second, third = (make_direction(seed) for seed in range(3))
    change = torch.randn(5, WIDTH)
    left = project_off(change, [first, second])
    for held in (first, second):
        assert float((left @ held.walk.vector).abs().max()) < 1e-5
    taken = change - left
    basis = torch.stack([first.walk.vector, second.walk.vector])
    rebuilt = taken @ torch.linalg.pinv(basis) @ basis
    assert torch.allclose(rebuilt, taken, atol=1e-4)
    assert torch.equal(project_off(change, []), change)
    assert torch.allclose(project_off(left, [first, second]), left, atol=1e-5)
    assert not torch.allclose(project_off(change, [third]), left, atol=1e-2)


def test_holding_a_direction_twice_is_holding_it_once(make_direction):
    first = make_direction()
    change = torch.randn(5, WIDTH)
    assert torch.allclose(project_off(change, [first, first]), project_off(change, [first]), atol=1e-5)


def test_a_path_cannot_be_held(make_direction, make_path):
    with pytest.raises(Invalid, match="is a path and cannot be held"):
        project_off(torch.randn(1, WIDTH), [make_direction(walk=make_path())])


def test_a_path_that_would_take_for_ever_is_refused(make_direction, make_path):
    with pytest.raises(ValueError, match="more than 64 steps"):
        make_direction(walk=make_path(), curve=Curve.straight(1e6, 20.0))


@pytest.mark.parametrize("kind", ["linear", "path"])
def test_a_file_gives_back_the_same_direction(make_direction, make_path, kind):
    more = {"walk": make_path()} if kind == "path" else {}
    card = {"slope": 0.8, "reached": [[-10.0, -8.0, -9.0, -7.0]], "per_class": {"blue": {"n": 3}}}
    direction = make_direction(
        3, unit=Unit("x", 1.0, "log", 2), range=(0.8, 1.25), track=(0.7, 1.4), requested_range=(0.5, 2.0),
        layers=(0, 1), verdict="partial", note="Says “so”.", settings={"transform": "zoom", "steps": 300}, card=card,
        **more,
    )  # fmt: skip
    again = from_bytes(to_bytes(direction))
    for name in direction.__dataclass_fields__:
        if name != "walk":
            assert getattr(again, name) == getattr(direction, name), name
    latents = torch.randn(4, WIDTH)
    assert torch.equal(again.displacement(latents, 1.3), direction.displacement(latents, 1.3))
    assert to_bytes(again) == to_bytes(direction)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=60)


@given(st.integers(0, 2**32 - 1), TEXT, st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=50)
def test_any_text_and_number_survives_the_file(make_direction, seed, text, number):
    direction = make_direction(note=text, settings={"number": number, "text": text})
    again = from_bytes(to_bytes(replace(direction, seed=seed)))
    assert (again.note, again.seed, again.settings) == (text, seed, {"number": number, "text": text})


def test_relabelling_leaves_the_original_alone(make_direction):
    direction = make_direction()
    assert replace(direction, name="Other").name == "Other"
    assert direction.name == "Way 0"
