"""Work as jobs do it: named, followed, stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.base import Generator
from server import video
from server.directions import Direction, checked_id
from server.edits import Edit, parse
from server.errors import Cancelled, Invalid, ModelFailed
from server.exports import Exports
from server.renderer import draw
from server.shelf import Ready
from server.steering.progress import Progress, finish
from server.studio import check, filmed, followed, title_of

Report = Callable[[float, str], None]


@pytest.mark.parametrize(
    ("id", "title"),
    [("zoom", "Zoom"), ("zoom_2", "Zoom 2"), ("zoom_on_cats", "Zoom on cats"), ("near_far", "Near far")],
)
def test_a_sliders_name_comes_from_its_id(id: str, title: str) -> None:
    assert title_of(id, "zoom", "Zoom") == title


@pytest.mark.parametrize("id", ["", "Zoom", "../zoom", "zoom.2", "2zoom", "z" * 41, "zoom\n"])
def test_what_cannot_name_a_slider_is_refused(id: str) -> None:
    with pytest.raises(Invalid):
        checked_id(id)


def test_a_function_that_reports_becomes_work() -> None:
    def function(report: Report) -> None:
        report(0.3, "One")
        report(0.7, "Two")

    seen: list[Progress] = []
    finish(followed(function), seen.append)
    assert [(progress.share, progress.message) for progress in seen] == [(0.3, "One"), (0.7, "Two")]


def test_its_error_is_the_works_error() -> None:
    def function(report: Report) -> None:
        raise ModelFailed("The hash is wrong.")

    with pytest.raises(ModelFailed, match="hash"):
        finish(followed(function))


def test_closing_stops_it_at_its_next_report() -> None:
    stopped, go = threading.Event(), threading.Event()

    def function(report: Report) -> None:
        report(0.1, "One")
        go.wait(10)
        try:
            report(0.2, "Two")
        except Cancelled:
            stopped.set()
            raise

    work = followed(function)
    assert next(work).message == "One"
    work.close()
    go.set()
    assert stopped.wait(10)


def test_a_function_that_says_nothing_for_long_can_still_be_stopped() -> None:
    go = threading.Event()
    work = followed(lambda report: (go.wait(10), None)[1])
    begin = time.monotonic()
    assert next(work).message == "Starting"
    work.close()
    assert time.monotonic() - begin < 5
    go.set()


@pytest.fixture
def ready(tiny: Generator, make_slider: Callable[..., Direction]) -> Ready:
    sway = make_slider(tiny.spec)
    return Ready(tiny, tiny, lambda: {"sway": sway})


def _recipe(*amounts: float) -> video.Recipe:
    edits = [{"generator": "tiny", "base": {"seed": 1}, "amounts": {"sway": amount}} for amount in amounts]
    return video.read({"generator": "tiny", "fps": 4, "keyframes": [{"edit": edit, "seconds": 1} for edit in edits]})


def test_a_recipe_is_checked_before_its_first_frame(ready: Ready) -> None:
    check(_recipe(0, 5), ready)
    with pytest.raises(Invalid, match="Keyframe 2: Sway cannot go to"):
        check(_recipe(0, 99), ready)


def test_a_film_is_exported_whole_with_its_description(ready: Ready, tmp_path: Path) -> None:
    exports = Exports(tmp_path)
    result = finish(filmed(exports, ready, _recipe(0, 5), "A film"))
    export = exports.get(result["export"])
    assert (export["title"], export["frames"], export["seconds"]) == ("A film", 8, 2.0)
    assert video.read(export["recipe"]) == _recipe(0, 5)
    assert export["bytes"] == exports.film(export["id"]).stat().st_size


def test_a_film_that_is_stopped_or_fails_leaves_no_folder(ready: Ready, tmp_path: Path) -> None:
    exports = Exports(tmp_path)
    work = filmed(exports, ready, _recipe(0, 5), "A film")
    next(work)
    work.close()

    def failing(edit: Edit, ready: Ready) -> video.Pixels:
        if edit != parse({"generator": "tiny", "base": {"seed": 1}, "amounts": {"sway": 0}}):
            raise ModelFailed("Broken.")
        return draw(edit, ready)

    with pytest.raises(ModelFailed, match="Broken"):
        finish(filmed(exports, ready, _recipe(0, 5), "A film", failing))
    assert not list(tmp_path.iterdir())
