"""Even speed: the same change of picture in the same time, rests left alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from latentwalk.directions.unit import Unit
from latentwalk.edit import Edit
from latentwalk.films.constant_speed import (
    Pace,
    distance,
    downscale,
    even_pace,
    identity_pace,
    measure_pace,
)
from latentwalk.films.render import moment_of_frame
from latentwalk.films.route import Route, route_of
from latentwalk.films.timeline import read
from latentwalk.progress import finish
from latentwalk.rendering.image_codec import Pixels

UNITS = {"sway": Unit("%")}
EDIT = {"generator": "tiny", "base": {"seed": 1}, "amounts": {"sway": 0.0}}


def lurching(edit: Edit) -> Pixels:
    """A picture that hardly changes at one end of the slider and a great deal at the other."""
    edge = 63 * (edit.amounts["sway"] / 10) ** 4  # an edge that runs, its pixel shaded: no rounding to whole greys
    row = np.clip(255 * (edge - np.arange(64)), 0, 255)
    return np.broadcast_to(row.astype(np.uint8)[None, :, None], (64, 64, 3)).copy()


@pytest.fixture
def walk(generator):
    def make(*keys: Any, **fields: Any) -> Route:
        data = {"version": 2, "generator": "tiny", "keyframes": list(keys), "output": {"fps": 25}, **fields}
        return route_of(read({"play": "once", **data}), UNITS, generator.spec)

    return make


def frames(route: Route, paced: Pace) -> list[Any]:
    return [downscale([lurching(route.at(moment_of_frame(route, paced, n)))]) for n in range(route.timeline.frames)]


def unevenness(thumbnails: list[Any]) -> float:
    """The coefficient of variation of the distances between neighbouring frames."""
    steps = np.array([distance(before, after) for before, after in itertools.pairwise(thumbnails)])
    return float(steps.std() / steps.mean())


@pytest.mark.parametrize("play", ["once", "loop", "pingpong"])
def test_what_lurched_moves_evenly(walk, play):
    keys = [{"at": 0, "edit": EDIT}, {"at": 4, "amounts": {"sway": 10.0}}]
    route = walk(*keys, speed="even", play=play, seconds=8 if play == "loop" else 4)
    plain = unevenness(frames(route, identity_pace(route.timeline.length)))
    even = unevenness(frames(route, finish(measure_pace(route, lurching))))
    assert plain > 0.8
    assert even <= 0.25


def test_rests_rest_as_long_as_they_were_told(walk):
    keys = [{"at": 0, "edit": EDIT, "hold": 1.0}, {"at": 3, "amounts": {"sway": 10.0}, "hold": 1.0}]
    route = walk(*keys, speed="even")
    paced = finish(measure_pace(route, lurching))
    values = [route.at(moment_of_frame(route, paced, n)).amounts["sway"] for n in range(route.timeline.frames)]
    assert sum(value == 0.0 for value in values) == pytest.approx(25, abs=1)
    assert sum(value == 10.0 for value in values) == pytest.approx(25, abs=1)


def test_a_walk_that_changes_nothing_keeps_its_time(walk):
    keys = [{"at": 0, "edit": EDIT}, {"at": 2, "amounts": {"sway": 10.0}}]
    route = walk(*keys, speed="even")
    paced = finish(measure_pace(route, lambda edit: np.zeros((4, 4, 3), dtype=np.uint8)))
    assert [paced.moment(at) for at in (0.0, 0.7, 2.0)] == pytest.approx([0.0, 0.7, 2.0])


def test_a_pace_rises_from_the_beginning_to_the_end():
    found = even_pace([0.0, 1.0, 2.0, 4.0], [3.0, 1.0, 0.0], [False, False, True], 4.0)
    assert found.clock == pytest.approx((0.0, 1.5, 2.0, 4.0))
    assert found.moment(0.75) == pytest.approx(0.5)
    assert found.moment(3.0) == pytest.approx(3.0)
    assert (found.moment(-1), found.moment(9)) == (0.0, 4.0)


def test_the_distance_is_that_of_pixels_from_nought_to_one():
    black, white = (downscale([np.full((8, 8, 3), value, dtype=np.uint8)]) for value in (0, 255))
    assert distance(black, white) == pytest.approx(1.0)
    assert distance(black, black) == 0.0
