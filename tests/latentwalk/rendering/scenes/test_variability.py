"""The design of the data: exact levels, close to independent, and scenes drawn from them."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.rendering.scenes.scene import TOYS
from latentwalk.rendering.scenes.variability import AXES, LEVELS, NEVER_NEAR, datasheet, draw, intervals
from tools import toys_datasheet


def test_each_axis_has_each_level_for_three_toys() -> None:
    for axis in range(len(AXES)):
        assert Counter(levels[axis] for levels in LEVELS.values()) == {0: 3, 1: 3, 2: 3, 3: 3}


def test_no_two_axes_correlate_over_the_toys() -> None:
    columns = np.array([LEVELS[toy] for toy in TOYS], float).T
    pairs = [abs(np.corrcoef(one, other)[0, 1]) for one, other in itertools.combinations(columns, 2)]
    assert max(pairs) <= 0.2 + 1e-9


@given(index=st.integers(0, 10**6), seed=st.integers(0, 99))
def test_a_scene_is_drawn_from_the_intervals_of_its_toy_and_always_the_same(index: int, seed: int) -> None:
    scene = draw(index, seed)
    assert scene == draw(index, seed)
    assert scene.toy == TOYS[index % 12]
    for name, interval in intervals(scene.toy).items():
        assert interval.low <= getattr(scene, name) <= interval.high


def test_the_fire_truck_was_never_blue_the_cube_never_turns_and_the_mug_never_comes_near() -> None:
    hue = intervals("fire_truck")["hue"]
    assert -60 < hue.low < hue.high < 70
    assert intervals("cube")["azimuth"].deviation == 0
    assert intervals(NEVER_NEAR[0])["distance"].low >= 3.1


def test_the_datasheet_states_every_interval() -> None:
    sheet = datasheet()
    assert list(sheet["toys"]) == list(TOYS)
    assert sheet["toys"]["gem"]["intervals"]["hue"] == [100.0, 300.0]
    assert sheet["toys"]["gem"]["levels"] == dict(zip(AXES, LEVELS["gem"], strict=True))


def test_the_bundled_datasheet_is_of_this_design() -> None:
    assert toys_datasheet.DATASHEET.read_text() == toys_datasheet.datasheet()
