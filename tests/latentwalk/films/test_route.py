"""Timelines as routes: every property goes its own way, exactly through its keyframes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.edit import parse
from latentwalk.errors import Invalid
from latentwalk.films.route import Route, route_of
from latentwalk.films.timeline import read
from latentwalk.latents.resolve import resolve

UNITS = {"way_0": Unit("%", decimals=1), "zoom": Unit("x", 1.0, "log", 2)}
FIRST = {"generator": "tiny", "base": {"seed": 7}, "classes": {"blue": 1}, "amounts": {"zoom": 0.5}, "truncation": 0.4}
SECOND = {"generator": "tiny", "base": {"seed": 9}, "classes": {"grey": 2}, "amounts": {"zoom": 2, "way_0": 8}}
THIRD = {"generator": "tiny", "base": {"seed": 4}, "classes": {"amber": 1, "grey": 1}}


@pytest.fixture
def route(generator):
    def make(*keyframes: Any, spec: Any = None, **fields: Any) -> Route:
        keys = [key if "at" in key else {"at": 2.0 * n, "edit": key} for n, key in enumerate(keyframes)]
        name = keys[0]["edit"]["generator"]
        walk = read({"version": 2, "generator": name, "keyframes": keys, "play": "once", **fields})
        return route_of(walk, UNITS, spec or generator.spec)

    return make


@pytest.mark.parametrize("curve", ["straight", "spline"])
@pytest.mark.parametrize("easing", ["linear", "smooth", "in", "out", "hold"])
def test_a_route_passes_exactly_through_its_keyframes(route, curve, easing):
    keys = [{"at": 2.0 * n, "edit": edit, "easing": easing} for n, edit in enumerate((FIRST, SECOND, THIRD))]
    made = route(*keys, curve=curve)
    for at, edit in ((0.0, FIRST), (2.0, SECOND), (4.0, THIRD)):
        here, there = made.at(at), parse(edit)
        assert here.base == there.base
        assert here.truncation == pytest.approx(there.truncation)
        assert here.classes == pytest.approx(
            {name: w / sum(there.classes.values()) for name, w in there.classes.items()}
        )
        for name, unit in UNITS.items():
            assert here.amounts[name] == pytest.approx(there.amounts.get(name, unit.neutral))


def test_halfway_is_half_the_effect_in_each_unit(route):
    middle = route(FIRST, SECOND).at(1.0)
    assert middle.amounts == {"zoom": pytest.approx(1.0), "way_0": pytest.approx(4.0)}
    assert middle.classes == {"blue": pytest.approx(0.5), "grey": pytest.approx(0.5)}
    assert middle.truncation == pytest.approx(0.7)
    weights = middle.base.weights()
    assert weights[7] == pytest.approx(weights[9])


def test_the_way_there_is_linear_in_effect_not_in_step(route, make_direction):
    direction = make_direction(curve=Curve((-10.0, 0.0, 2.0, 10.0), (-1.0, 0.0, 1.0, 1.5)))
    keys = [{"at": 0, "edit": THIRD, "easing": "linear"}, {"at": 4, "amounts": {"way_0": 10.0}}]
    amounts = [route(*keys).at(at).amounts["way_0"] for at in (1, 2, 3)]
    assert amounts == [pytest.approx(2.5), pytest.approx(5.0), pytest.approx(7.5)]
    assert direction.steps(amounts[0]) > 1.0
    assert math.isclose(direction.steps(10.0), 1.5)


def test_a_slider_runs_through_the_keyframes_that_name_it_and_no_others(route):
    keys = [
        {"at": 0, "edit": FIRST, "easing": "linear"},
        {"at": 1, "amounts": {"way_0": 6}, "easing": "linear"},
        {"at": 2, "amounts": {"zoom": 2.0}},
        {"at": 3, "truncation": 1.0},
    ]
    made = route(*keys)
    assert made.at(1.0).amounts["zoom"] == pytest.approx(1.0)  # halfway to 2.0 as a factor: undisturbed
    assert made.at(3.0).amounts["way_0"] == pytest.approx(6.0)  # stays where it was last told to be
    assert made.at(1.5).base == parse(FIRST).base
    assert made.at(2.0).truncation > 0.4


def test_a_keyframe_rests_as_long_as_it_is_held(route):
    keys = [{"at": 0, "edit": FIRST, "hold": 1.0}, {"at": 3, "edit": SECOND}]
    made = route(*keys)
    assert made.at(0.0) == made.at(0.5) == made.at(1.0)
    assert made.at(1.2) != made.at(1.0)
    assert made.at(2.0).amounts["way_0"] == pytest.approx(4.0)


def test_easings_leave_and_arrive_as_they_say(route):
    def travelled(easing: str) -> list[float]:
        keys = [{"at": 0, "edit": THIRD, "easing": easing}, {"at": 10, "amounts": {"way_0": 10.0}}]
        made = route(*keys)
        return [made.at(at).amounts["way_0"] for at in (1, 5, 9)]

    assert travelled("linear") == pytest.approx([1, 5, 9])
    assert travelled("hold") == [0, 0, 0]
    early, middle, late = travelled("smooth")
    assert early < 0.5
    assert (middle, early) == (pytest.approx(5), pytest.approx(10 - late))
    assert travelled("in")[0] < 0.2 < 1.8 < travelled("out")[0]


@given(st.floats(0, 8), st.sampled_from(["straight", "spline"]), st.sampled_from(["once", "loop", "pingpong"]))
def test_every_edit_on_the_way_is_an_edit_inside_the_tracks(generator, at, curve, play):
    keys = [{"at": 2.0 * n, "edit": edit, "easing": "linear"} for n, edit in enumerate((FIRST, SECOND, THIRD))]
    walk = {"version": 2, "generator": "tiny", "keyframes": keys, "seconds": 8, "curve": curve, "play": play}
    edit = route_of(read(walk), UNITS, generator.spec).at(at)
    assert parse(edit.model_dump(mode="json", exclude_defaults=True)) == edit
    assert sum(edit.classes.values()) == pytest.approx(1)
    assert all(weight >= 0 for weight in edit.classes.values())
    assert 0.5 - 1e-9 <= edit.amounts["zoom"] <= 2 + 1e-9
    assert -1e-9 <= edit.amounts["way_0"] <= 8 + 1e-9
    assert 0.4 - 1e-9 <= edit.truncation <= 1 + 1e-9


def test_seeds_go_round_the_origin_and_not_through_it(route, generator):
    """At every moment z has the length that the prior gives it, at even angles: a straight line would dip by 29%."""
    keys = [{"at": 0, "edit": {**FIRST, "truncation": 1.0}, "easing": "linear"}, {"at": 4, "edit": SECOND}]
    made = route(*keys)
    for share in (0.25, 0.5, 0.75):
        weights = made.at(4 * share).base.weights()
        length = math.hypot(*weights.values())
        assert length == pytest.approx(1.0)
        assert math.atan2(weights[9], weights[7]) == pytest.approx(share * math.pi / 2)


@pytest.mark.parametrize("curve", ["straight", "spline"])
def test_a_loop_closes_without_a_jump(route, generator, make_direction, curve):
    directions = {
        "zoom": make_direction(1, id="zoom", unit=UNITS["zoom"], range=(0.5, 2.0), track=(0.4, 2.5)),
        "way_0": make_direction(0),
    }
    keys = [{"at": 2.0 * n, "edit": edit, "easing": "linear"} for n, edit in enumerate((FIRST, SECOND, THIRD))]
    made = route(*keys, play="loop", seconds=6, curve=curve)
    latents = [resolve(made.at(6 * n / 300), generator, directions)[0] for n in range(300)]
    steps = [float((latents[n] - latents[n - 1]).norm()) for n in range(300)]  # the first is from the last frame
    assert steps[0] <= max(steps[1:])
    assert max(steps) < 10 * sum(steps) / 300


def test_a_spline_in_a_loop_has_no_corner_where_it_closes(route):
    keys = [{"at": 2.0 * n, "edit": {**FIRST, "amounts": {"way_0": float(v)}}, "easing": "linear"}
            for n, v in enumerate((0, 4, 8, 4))]  # fmt: skip
    made = route(*keys, play="loop", seconds=8, curve="spline")

    def speed(at: float) -> float:
        return (made.at(at + 1e-4).amounts["way_0"] - made.at(at).amounts["way_0"]) / 1e-4

    for at in (2.0, 6.0, 8.0):
        assert speed(at - 2e-4) == pytest.approx(speed(at), abs=0.02)
    assert abs(speed(2.0)) > 1
    corner = route(*keys, play="loop", seconds=8, curve="straight")
    assert corner.at(7.9).amounts["way_0"] == pytest.approx(0.2)


def test_behind_a_mapping_network_seeds_go_along_a_spline_of_w(layered):
    keys = [
        {"at": float(n), "edit": {"generator": "styled", "base": {"seed": n}}, "easing": "linear"} for n in range(4)
    ]
    walk = {"version": 2, "generator": "styled", "keyframes": keys, "seconds": 4, "curve": "spline"}
    made = route_of(read(walk), {}, layered.spec)
    between = made.at(0.5).base
    assert between.space == "w"
    assert sum(between.weights().values()) == pytest.approx(1)
    assert min(between.weights().values()) < 0  # a spline through points bends round them
    latents = torch.stack([resolve(made.at(4 * n / 400), layered, {})[0][0, 0] for n in range(400)])
    for n in range(4):
        still = layered.map(layered.sample([n]), resolve(made.at(0.0), layered, {})[1])[0]
        torch.testing.assert_close(latents[100 * n], still)
    speeds = (latents.roll(-1, 0) - latents).norm(dim=1)
    bends = (latents.roll(-1, 0) - 2 * latents + latents.roll(1, 0)).norm(dim=1)
    assert float(bends[[0, 100, 200, 300]].max()) < 0.1 * float(speeds.mean())  # no corner at the seeds nor at the seam
    straight = route_of(read({**walk, "curve": "straight"}), {}, layered.spec)
    corners = torch.stack([resolve(straight.at(4 * n / 400), layered, {})[0][0, 0] for n in range(400)])
    bends = (corners.roll(-1, 0) - 2 * corners + corners.roll(1, 0)).norm(dim=1)
    assert float(bends[[0, 100, 200, 300]].min()) > 0.3 * float(speeds.mean())


def test_a_grid_shows_its_seeds_under_the_same_sliders(route):
    cells = route(FIRST, SECOND, grid={"seeds": [1, 2, 3]}).edits_at(1.0)
    assert [cell.base.seed for cell in cells] == [1, 2, 3]
    assert len({tuple(cell.amounts.items()) for cell in cells}) == 1


@given(st.floats(0, 3.999))
@settings(max_examples=30)
def test_the_latent_moves_without_jumps(generator, make_direction, at):
    directions = {
        "zoom": make_direction(1, id="zoom", unit=UNITS["zoom"], range=(0.5, 2.0), track=(0.4, 2.5)),
        "way_0": make_direction(0),
    }
    keys = [{"at": 0, "edit": FIRST}, {"at": 4, "edit": SECOND}]
    made = route_of(read({"version": 2, "generator": "tiny", "keyframes": keys, "play": "once"}), UNITS, generator.spec)
    here, there = (resolve(made.at(at + step), generator, directions)[0] for step in (0.0, 1e-3))
    assert float((here - there).norm()) < 0.05


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ({**FIRST, "amounts": {"smile": 1}}, "no direction “smile”"),
        ({**FIRST, "classes": {"mauve": 1}}, "no class “mauve”"),
        ({**FIRST, "base": {"seeds": {str(n): 1.0 for n in range(20, 36)}}}, "more than 16 seeds"),
        ({**FIRST, "amounts": {"zoom": -1}}, "is not a factor"),
    ],
)
def test_keyframes_that_do_not_meet_are_refused(route, second, sentence):
    with pytest.raises(Invalid, match=sentence):
        route(FIRST, second)
