"""Timelines as values: what is one, what is not, and which moment each frame shows."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.errors import Invalid
from latentwalk.films.timeline import Timeline, canonical, read

EDIT = {"generator": "tiny", "base": {"seed": 7}, "amounts": {"zoom": 1.5}}


def walk(*ats: float, **fields: Any) -> Timeline:
    keyframes = [{"at": at, "edit": EDIT} for at in ats or (0, 2)]
    return read({"version": 2, "generator": "tiny", "keyframes": keyframes, "play": "once", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"play": "pingpong", "curve": "spline", "speed": "even"},
        {"grid": {"seeds": [1, 2, 3]}, "caption": True, "title": "Åben", "mark": True},
        {"audio": {"sha256": "0" * 64, "name": "a.mp3"}, "beats": [0.5, 1]},
        {"output": {"format": "webm", "fps": 24, "size": 64, "quality": "best"}},
    ],
)
def test_the_canonical_json_is_the_timeline_again(fields: dict[str, Any]) -> None:
    made = walk(**fields)
    text = canonical(made)
    assert read(json.loads(text)) == made
    assert canonical(read(json.loads(text))) == text
    assert ": " not in text


def test_defaults_and_whole_numbers_have_one_spelling() -> None:
    spelt = walk(output={"format": "mp4", "fps": 30}, speed="timed", grid=None)
    assert canonical(spelt) == canonical(walk())
    assert '"at":2,' in canonical(walk(0, 2.0))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"keyframes": []}, "keyframes"),
        ({"keyframes": [{"at": 0, "edit": EDIT}, {"at": 0, "edit": EDIT}]}, "must come after"),
        ({"keyframes": [{"at": 0, "edit": EDIT, "hold": 2}, {"at": 2, "edit": EDIT}]}, "must come after"),
        ({"keyframes": [{"at": 1, "edit": EDIT}, {"at": 2, "edit": EDIT}]}, "first keyframe is at 0"),
        ({"keyframes": [{"at": 0, "amounts": {"zoom": 1}}, {"at": 2, "edit": EDIT}]}, "holds a whole edit"),
        ({"keyframes": [{"at": 0, "edit": EDIT}, {"at": 2}]}, "a whole edit, or some amounts"),
        ({"keyframes": [{"at": 0, "edit": EDIT}, {"at": 2, "edit": EDIT, "truncation": 1}]}, "a whole edit, or some"),
        ({"keyframes": [{"at": 0, "edit": EDIT}, {"at": 2, "classes": {"a": 0}}]}, "all zero"),
        ({"keyframes": [{"at": 0, "edit": {"generator": "tiny"}}, {"at": 2, "edit": EDIT}]}, "has no base"),
        ({"generator": "other"}, "one generator"),
        ({"seconds": 1}, "after the walk"),
        ({"play": "loop"}, "needs time to come back"),
        ({"play": "pingpong", "seconds": 700}, "1200 seconds"),
        ({"seconds": 1000, "output": {"fps": 60}}, "36000 frames"),
        ({"output": {"format": "gif", "fps": 30}}, "25"),
        ({"output": {"format": "avi"}}, "format"),
        ({"output": {"size": 5000}}, "size"),
        ({"grid": {"seeds": []}}, "seeds"),
        ({"grid": {"seeds": [-1]}}, "seeds"),
        ({"audio": {"sha256": "../../etc"}}, "sha256"),
        ({"beats": [float("nan")]}, "beats"),
        ({"version": 3}, "version"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        walk(**fields)
    assert str(refusal.value).endswith(".")
    assert refusal.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["keyframes", "at", "edit", "seconds", "generator", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_timeline_or_one_sentence(data: Any) -> None:
    refused = ""
    try:
        read(data)
    except Invalid as refusal:
        refused = str(refusal)
    assert refused == "" or refused.endswith(".")


@given(st.integers(1, 400), st.integers(1, 60), st.sampled_from(["once", "loop", "pingpong"]))
def test_frames_show_every_moment_once_and_in_turn(tenths: int, fps: int, play: str) -> None:
    seconds = tenths / 10
    made = walk(0, seconds / 2, seconds=seconds, play=play, output={"fps": fps})
    times = [made.time_of(frame) for frame in range(made.frames)]
    assert made.frames == max(2, round(made.duration * fps))
    assert times[0] == 0
    assert all(0 <= time <= made.length for time in times)
    steps = [after - before for before, after in itertools.pairwise(times)]
    if play == "once":
        assert times[-1] == made.length
        assert min(steps) > 0
    elif play == "loop":  # one more step of the same size would be the first frame again
        assert times[-1] + made.length / made.frames == pytest.approx(made.length)
    else:
        assert times[1:] == pytest.approx(times[:0:-1])


@pytest.mark.parametrize(
    ("count", "columns", "shape"),
    [(1, None, (1, 1)), (4, None, (2, 2)), (5, None, (3, 2)), (6, 6, (6, 1)), (2, 9, (2, 1))],
)
def test_a_grid_is_as_square_as_it_can_be(count: int, columns: int | None, shape: tuple[int, int]) -> None:
    grid = walk(grid={"seeds": list(range(count)), "columns": columns}).grid
    assert grid is not None
    assert grid.shape == shape
