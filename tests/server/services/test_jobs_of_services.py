"""Work as jobs do it: named, followed, stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from latentwalk.directions.direction import check_id
from latentwalk.errors import Cancelled, Invalid, ModelFailed
from latentwalk.progress import Progress, finish
from server.services.studio import followed

Report = Callable[[float, str], None]


@pytest.mark.parametrize("id", ["", "Zoom", "../zoom", "zoom.2", "2zoom", "z" * 41, "zoom\n"])
def test_what_cannot_name_a_slider_is_refused(id: str) -> None:
    with pytest.raises(Invalid):
        check_id(id)


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
