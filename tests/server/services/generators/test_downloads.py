"""Downloads as work: functions that report their progress, followed and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from latentwalk.errors import Cancelled, ModelFailed
from latentwalk.progress import Progress, finish
from server.services.generators.downloads import report_as_work

Report = Callable[[float, str], None]


def test_each_report_of_a_function_is_yielded() -> None:
    def function(report: Report) -> None:
        report(0.3, "One")
        report(0.7, "Two")

    reports: list[Progress] = []
    finish(report_as_work(function), reports.append)
    assert [(progress.share, progress.message) for progress in reports] == [(0.3, "One"), (0.7, "Two")]


def test_an_error_of_the_function_is_raised_by_the_work() -> None:
    def function(report: Report) -> None:
        raise ModelFailed("The hash is wrong.")

    with pytest.raises(ModelFailed, match="hash"):
        finish(report_as_work(function))


def test_closing_the_work_stops_the_function_at_its_next_report() -> None:
    stopped, go = threading.Event(), threading.Event()

    def function(report: Report) -> None:
        report(0.1, "One")
        go.wait(10)
        try:
            report(0.2, "Two")
        except Cancelled:
            stopped.set()
            raise

    work = report_as_work(function)
    assert next(work).message == "One"
    work.close()
    go.set()
    assert stopped.wait(10)


def test_work_can_be_closed_while_its_function_reports_nothing() -> None:
    go = threading.Event()
    work = report_as_work(lambda report: (go.wait(10), None)[1])
    begin = time.monotonic()
    assert next(work).message == "Starting"
    work.close()
    assert time.monotonic() - begin < 5
    go.set()
